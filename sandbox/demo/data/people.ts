import type { ParamsOf } from "../../../src/client.ts";
import type { Random } from "./random.ts";

export type DemoCustomer = NonNullable<ParamsOf<"register">["customer"]>;

/** Common family and given names with their reading; who bears a combination of them here is invented. */
const families = `青木 aoki|石井 ishii|上田 ueda|遠藤 endo|岡本 okamoto|小川 ogawa|加藤 kato|木村 kimura|工藤 kudo|小林 kobayashi|斎藤 saito|坂本 sakamoto|柴田 shibata|菅原 sugawara|高野 takano|千葉 chiba|土屋 tsuchiya|中川 nakagawa|西村 nishimura|野口 noguchi|長谷川 hasegawa|平野 hirano|藤井 fujii|星野 hoshino|松尾 matsuo|三浦 miura|村上 murakami|森田 morita|矢野 yano|吉田 yoshida|和田 wada|渡部 watabe`;
const givens = `葵 aoi|明 akira|彩 aya|一郎 ichiro|恵美 emi|香織 kaori|和也 kazuya|恭子 kyoko|健太 kenta|幸子 sachiko|駿 shun|翔太 shota|澄江 sumie|大輔 daisuke|千夏 chinatsu|徹 toru|直樹 naoki|夏希 natsuki|陽菜 haruna|久美 kumi|文子 fumiko|誠 makoto|美咲 misaki|結衣 yui|悠人 yuto|理恵 rie|涼 ryo|麗奈 reina`;
const visitors = `Anna Lindqvist|Bela Farkas|Chloe Marchand|Dario Conti|Elif Demir|Femke Visser|Gareth Pryce|Hana Novotna|Ingrid Solberg|Jonas Becker|Kavya Menon|Luca Moretti|Mira Kovac|Nuno Teixeira|Orla Byrne|Pavel Dvorak`;

const hosts = ["example.com", "example.jp", "example.net"] as const;

interface Name {
  readonly written: string;
  readonly read: string;
}

function namesOf(list: string): readonly Name[] {
  return list.split("|").map((entry) => {
    const [written = "", read = ""] = entry.split(" ");
    return { written, read };
  });
}

/** One of every twelve reads English mail; the others write their names in Japanese. */
const englishPercent = 8;

/** Customer number `n`, counted from 1. The number in the mail address keeps people of one name apart. */
export function makeCustomer(random: Random, n: number): DemoCustomer {
  const id = `C-${String(n).padStart(4, "0")}`;
  const host = random.pick(hosts);
  if (random.chance(englishPercent)) {
    const name = random.pick(visitors.split("|"));
    return { id, name, email: `${name.toLowerCase().replace(" ", ".")}.${n}@${host}`, locale: "en" };
  }
  const family = random.pick(namesOf(families));
  const given = random.pick(namesOf(givens));
  return {
    id,
    name: `${family.written} ${given.written}`,
    email: `${given.read}.${family.read}.${n}@${host}`,
    locale: "ja",
  };
}
