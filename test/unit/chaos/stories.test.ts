import { expect, it } from "vitest";
import { createRandom } from "../../../sandbox/demo/data/random.ts";
import { seedSchema } from "../../../sandbox/stripe/control/seed-schema.ts";
import { isRenewalDate, parseBusinessDate } from "../../../src/contract/calendar.ts";
import { registerParams } from "../../../src/contract/registering.ts";
import { datesOf } from "../../chaos/producers/dates.ts";
import { writeStory } from "../../chaos/producers/stories.ts";

const dates = datesOf(Date.parse("2026-11-28T03:00:00Z"));

function stories(count: number) {
  return Array.from({ length: count }, (_, number) => writeStory(number, dates, createRandom(number)));
}

const requestsOf = (count: number) =>
  stories(count).flatMap(({ deeds }) => deeds.flatMap((deed) => (deed.type === "request" ? [deed.request] : [])));

it("a story is the same for the same random numbers", () => {
  const withoutMoments = (story: unknown) => JSON.stringify(story).replaceAll(/"createdAt":"[^"]*"/g, "");
  expect(stories(40).map(withoutMoments)).toEqual(stories(40).map(withoutMoments));
});

it("the stories of a run ask for everything that people can ask for, each under an id of its own", () => {
  const requests = requestsOf(120);
  const ids = requests.map(({ id }) => id);
  expect(new Set(ids).size).toBe(ids.length);
  expect(ids.filter((id) => !/^[\w.-]{1,64}$/.test(id))).toEqual([]);
  expect([...new Set(requests.map(({ kind }) => kind))].toSorted()).toEqual([
    "cancel",
    "cancel_manual_refund",
    "cancel_with_refund",
    "confirm_payment",
    "delete",
    "record_manual_refund",
    "refund_payment",
    "register",
    "reserve_termination",
    "resume",
    "suspend",
    "terminate",
    "waive_refund",
    "withdraw_reservation",
  ]);
});

it("what is registered, and what is at Stripe before, can be read", () => {
  for (const { kind, params = {} } of requestsOf(120)) if (kind === "register") registerParams.parse(params);
  for (const { atStripe } of stories(120)) if (atStripe !== null) seedSchema.parse(atStripe);
});

it("no contract renews on the day of the run, whatever day it is", () => {
  for (let day = 0; day < 1_500; day += 1) {
    const own = datesOf(Date.parse("2026-01-01T03:00:00Z") + day * 86_400_000);
    for (const period of [0, 1, 2] as const) {
      const start = parseBusinessDate(own.startOf(period).toString());
      expect(isRenewalDate(start, parseBusinessDate(own.today.toString()))).toBe(false);
    }
  }
});
