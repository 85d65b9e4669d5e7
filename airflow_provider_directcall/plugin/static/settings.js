// Language, theme and time zone, as the user has chosen them in Airflow.

import { ENGLISH, PORTUGUESE } from "./words.js";

const stored = (name) => {
  try {
    return localStorage.getItem(name);
  } catch {
    return null;
  }
};

const chosen = stored("i18nextLng") ?? navigator.language;
const isPortuguese = chosen.toLowerCase().startsWith("pt");
export const language = isPortuguese ? "pt-BR" : "en";
const dictionary = isPortuguese ? PORTUGUESE : ENGLISH;

// A word of the page, or the word itself where it is the vendor's or the author's.
export function t(name, values = {}) {
  const text = dictionary[name] ?? ENGLISH[name] ?? name;
  return text.replace(/\{(\w+)\}/g, (whole, key) => values[key] ?? whole);
}

function zone() {
  try {
    const name = JSON.parse(stored("timezone") ?? "null");
    // Throws for a name that the browser does not know.
    return typeof name === "string" && new Intl.DateTimeFormat("en", { timeZone: name }) ? name : undefined;
  } catch {
    return undefined;
  }
}

export const timeZone = zone();

export function applyTheme() {
  const theme = stored("theme") ?? "system";
  const isDark = theme === "dark" || (theme === "system" && matchMedia("(prefers-color-scheme: dark)").matches);
  document.documentElement.dataset.theme = isDark ? "dark" : "light";
  document.documentElement.lang = language;
}

export function followAirflow() {
  applyTheme();
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", applyTheme);
  window.addEventListener("storage", (event) => {
    if (event.key === "theme") applyTheme();
    if (event.key === "i18nextLng" || event.key === "timezone") location.reload();
  });
}

export const count = (value) => (value === null || value === undefined ? "–" : new Intl.NumberFormat(language).format(value));
export const decimal = (value) => (value === null || value === undefined ? "–" : new Intl.NumberFormat(language, { maximumFractionDigits: 1 }).format(value));
export const share = (part, whole) => (whole ? new Intl.NumberFormat(language, { style: "percent", maximumFractionDigits: 1 }).format(part / whole) : "");
export const money = (value) => (value === null || value === undefined ? "–" : new Intl.NumberFormat(language, { style: "currency", currency: "BRL" }).format(Number(value)));

export function moment(text) {
  if (!text) return "–";
  return new Intl.DateTimeFormat(language, { dateStyle: "medium", timeStyle: "short", timeZone }).format(new Date(text));
}

// "42 s", "5 min", "3 h 20 min", "4 d 2 h"
export function duration(seconds) {
  if (seconds === null || seconds === undefined || !Number.isFinite(seconds)) return "–";
  const whole = Math.max(0, Math.round(seconds));
  if (whole < 60) return `${whole} s`;
  const minutes = Math.round(whole / 60);
  if (minutes < 60) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  if (hours < 48) return `${hours} h${minutes % 60 ? ` ${minutes % 60} min` : ""}`;
  return `${Math.floor(hours / 24)} d${hours % 24 ? ` ${hours % 24} h` : ""}`;
}

export const age = (text) => (text ? (Date.now() - new Date(text)) / 1000 : null);
