import { scenes } from "./scenes.ts";
import { tryEveryOrder } from "./try-every-order.ts";

/* Every order of the events of the other half of the sequences: two files, for two cores. */

tryEveryOrder(scenes.filter((_, index) => index % 2 === 0));
