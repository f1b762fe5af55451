export { findFreePort } from "../../sandbox/postgres/free-port.ts";
