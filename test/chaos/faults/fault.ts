import type { Random } from "../../../sandbox/demo/data/random.ts";
import type { Member } from "../crew.ts";
import type { World } from "../world.ts";

/**
 * Does something to the world, and undoes what has to be undone. Resolves when it is over; what it leaves behind, such as
 * a process that is being started again, is the world's to deal with.
 */
export type Fault = (world: World, about: { readonly worker: Member; readonly random: Random }) => Promise<void>;
