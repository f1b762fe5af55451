import type { OneTimeScene, OneTimeStage, Standing } from "./scene.ts";

/*
 * What Stripe reports of a contract that is bought once, from its payment on. What the contract must look like in the end is
 * written here by hand, from the specification.
 */

const bought: Standing = {
  status: "established",
  reserved: false,
  payments: ["paid"],
  open: ["price"],
  refunds: [],
  attemptsTold: [],
  lastMail: "true",
};

async function refund(stage: OneTimeStage): Promise<string> {
  return (await stage.stripe.refunds.create({ charge: await stage.charge() })).id;
}

export const oneTimeScenes: readonly Omit<OneTimeScene, "kind">[] = [
  {
    name: "1. what is bought once is paid",
    play: (stage) => stage.pay(),
    end: bought,
  },
  {
    name: "1. the card asks for 3-D Secure, and the customer confirms the payment",
    async play(stage) {
      await stage.pay("pm_card_authenticationRequired");
      await stage.control.authenticate(stage.intent);
    },
    end: bought,
  },
  {
    name: "1. the card asks for 3-D Secure, and the customer does not confirm the payment",
    play: (stage) => stage.pay("pm_card_authenticationRequired"),
    end: { ...bought, status: "awaiting_payment", payments: ["due"], open: [] },
  },
  {
    name: "1. what is bought once is refunded on the dashboard",
    async play(stage) {
      await stage.pay();
      await refund(stage);
    },
    end: { ...bought, payments: ["refunded"], refunds: ["succeeded 1980"] },
  },
  {
    name: "1. the refund of what is bought once fails later",
    async play(stage) {
      await stage.pay();
      await stage.control.failRefund(await refund(stage));
    },
    end: { ...bought, refunds: ["failed 1980"] },
  },
  {
    name: "1. what is bought once is disputed, and the dispute is lost",
    async play(stage) {
      await stage.pay();
      await stage.control.closeDispute(await stage.control.dispute(await stage.charge()), "lost");
    },
    end: { ...bought, payments: ["paid, dispute lost"] },
  },
  {
    name: "1. what is bought once is disputed, and the dispute is won",
    async play(stage) {
      await stage.pay();
      await stage.control.closeDispute(await stage.control.dispute(await stage.charge()), "won");
    },
    end: { ...bought, payments: ["paid, dispute won"] },
  },
];
