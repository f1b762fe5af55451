import { scenes } from "./scenes.ts";
import { tryEveryOrder } from "./try-every-order.ts";

/* Every order of the events of one half of the sequences: two files, for two cores. */

tryEveryOrder(scenes.filter((_, index) => index % 2 === 1));
