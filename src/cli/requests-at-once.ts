/** How many requests an import has on their way to the ledger at once, each on a connection: most of their time is the network's. */
export const requestsAtOnce = 8;
