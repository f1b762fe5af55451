import fc from "fast-check";

/**
 * Property tests try the same examples each time, so that a change is what makes one fail. `PROPERTY_SEED=random` tries others
 * (`npm run test:properties`), and a number those of a run that failed, which tells its seed.
 */
const asked = process.env.PROPERTY_SEED ?? "20241008";
fc.configureGlobal(asked === "random" ? {} : { seed: Number(asked) });
