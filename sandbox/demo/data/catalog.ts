import type { ParamsOf } from "../../../src/client.ts";

/** A product as `register` takes it, dates in the demo's notation. */
export type DemoProduct = NonNullable<ParamsOf<"register">["product"]> & {
  /** What the shop calls it. The worker has no use for it; the stand-in shows it. */
  readonly name: string;
  /** The price of the first months, for those who sign up in a campaign. */
  readonly specialPriceMinor?: number;
  readonly initialFeeMinor?: number;
};

/** What the shop sells: magazines and courses by the month, books and recordings for good. */
export const demoProducts: readonly DemoProduct[] = [
  { id: "tsukinowa-monthly", name: "月刊誌『つきのわ』", kind: "monthly", priceMinor: 980, specialPriceMinor: 490 },
  { id: "haiku-club", name: "俳句の会 月例添削", kind: "monthly", priceMinor: 2_200, initialFeeMinor: 3_300 },
  {
    id: "yomihodai",
    name: "読み放題 書庫",
    kind: "monthly",
    access: "while_running",
    priceMinor: 1_480,
    specialPriceMinor: 300,
  },
  { id: "english-letters", name: "英語の手紙 通信講座", kind: "monthly", priceMinor: 4_950, initialFeeMinor: 5_500 },
  { id: "kitchen-garden", name: "月刊『台所の菜園』", kind: "monthly", priceMinor: 1_280, specialPriceMinor: 640 },
  { id: "morning-yoga", name: "朝のヨガ 配信", kind: "monthly", access: "while_running", priceMinor: 1_980 },
  {
    id: "exam-season",
    name: "受験直前 月額ゼミ",
    kind: "monthly",
    priceMinor: 9_800,
    initialFeeMinor: 11_000,
    automaticTerminationMonth: "month",
  },
  { id: "sewing-course", name: "はじめての洋裁 講座", kind: "one_time", priceMinor: 24_800 },
  { id: "knife-care", name: "庖丁の研ぎ方 動画", kind: "one_time", priceMinor: 3_980 },
  { id: "tea-history", name: "茶の歴史 全十二回", kind: "one_time", priceMinor: 16_500 },
  { id: "photo-night", name: "夜景写真 教本", kind: "one_time", priceMinor: 2_750 },
  { id: "bookkeeping", name: "ひとり会社の簿記 講座", kind: "one_time", priceMinor: 38_500, initialFeeMinor: 5_500 },
];

/** The products of one kind that contracts are made of at random; `exam-season` ends by itself and is chosen by name. */
export function productsOf(kind: DemoProduct["kind"]): readonly DemoProduct[] {
  return demoProducts.filter((product) => product.kind === kind && product.automaticTerminationMonth === undefined);
}

/** The product of an id. Throws for one that the shop does not sell. */
export function productNamed(id: string): DemoProduct {
  const product = demoProducts.find((candidate) => candidate.id === id);
  if (product === undefined) throw new Error(`the shop does not sell ${id}`);
  return product;
}
