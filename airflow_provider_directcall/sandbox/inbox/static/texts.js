/** The page's texts, times and numbers, in the language that the server chose. */

export const language = document.documentElement.lang;

const texts = await (await fetch(`/_sandbox/page/texts/${language}.json`)).json();
const plural = new Intl.PluralRules(language);
const count = new Intl.NumberFormat(language);
let clocks = {};

/** Return a text with `{name}` replaced by values. */
export function say(name, values = {}) {
  return (texts[name] ?? name).replace(/\{(\w+)\}/g, (_, key) => values[key] ?? "");
}

/** Return the text for a count: `name_one` or `name_other`. */
export function sayCount(name, number) {
  return say(`${name}_${plural.select(number) === "one" ? "one" : "other"}`, { count: count.format(number) });
}

const money = new Intl.NumberFormat(language, { style: "currency", currency: "BRL", minimumFractionDigits: 4 });

export const price = (amount) => money.format(amount);
export const number = (value) => count.format(value);

/** Use the sandbox's zone for all times. */
export function useZone(timeZone) {
  if (clocks.timeZone === timeZone) return;
  const time = { hour: "2-digit", minute: "2-digit", second: "2-digit", timeZone };
  clocks = {
    timeZone,
    day: new Intl.DateTimeFormat(language, { day: "2-digit", month: "short", timeZone }),
    time: new Intl.DateTimeFormat(language, { ...time, hourCycle: "h23" }),
    whole: new Intl.DateTimeFormat(language, { dateStyle: "medium", timeStyle: "medium", timeZone }),
  };
}

export const wholeMoment = (seconds) => clocks.whole.format(seconds * 1000);
export const timeOfDay = (seconds) => clocks.time.format(seconds * 1000);

/** Return the time of a moment, with its day unless that is the day of `now`. */
export function moment(seconds, now) {
  const day = clocks.day.format(seconds * 1000);
  return day === clocks.day.format(now * 1000) ? timeOfDay(seconds) : `${day} ${timeOfDay(seconds)}`;
}

/** Return a Brazilian number with blanks; any other text as it is. */
export function phone(digits) {
  const parts = /^55(\d\d)(\d{4,5})(\d{4})$/.exec(digits);
  return parts ? `+55 ${parts[1]} ${parts[2]}-${parts[3]}` : digits;
}
