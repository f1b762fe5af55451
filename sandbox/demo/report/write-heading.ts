import { type Output, paint, writeLine } from "../../../src/cli/output.ts";

/** A heading with an empty line before it. */
export function writeHeading(out: Output, heading: string): void {
  writeLine(out);
  writeLine(out, paint(out, "bold", heading));
}
