// Numbers as people read them: three digits that count, and a unit.

const ABOUT = new Intl.NumberFormat("en", { notation: "compact", maximumSignificantDigits: 3 });
const EXACT = new Intl.NumberFormat("en");
const BYTES = ["B", "kB", "MB", "GB", "TB"];

/** 1,234: exact, for what is counted one by one. */
export function whole(value) {
  return EXACT.format(value);
}

/** 1.23M: for what nobody counts one by one. */
export function about(value) {
  return ABOUT.format(value);
}

/** 12.3 kB; powers of 1000. */
export function bytes(value) {
  let unit = 0;
  while (value >= 999.5 && unit < BYTES.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${unit === 0 || value >= 99.95 ? whole(Math.round(value)) : value.toPrecision(3)} ${BYTES[unit]}`;
}

/** 0.31, 4.2, 118: of something each second; nothing known yet is a dash. */
export function rate(value) {
  if (value === null) return "–";
  if (value === 0) return "0";
  if (value >= 99.95) return value >= 9999.5 ? about(value) : whole(Math.round(value));
  return value.toFixed(value < 0.995 ? 2 : 1);
}

/** 71 %, 0.4 %; of nothing at all, a dash. */
export function share(part, all) {
  if (!all) return "–";
  const percent = (100 * part) / all;
  return `${percent > 0 && percent < 1 ? "< 1" : Math.floor(percent)} %`;
}

/** 850 µs, 42 ms, 1.2 s. */
export function seconds(value) {
  if (value === null) return "–";
  if (value < 0.000_999_5) return `${Math.round(value * 1e6)} µs`;
  if (value < 0.999_5) return `${value < 0.009_95 ? (value * 1e3).toFixed(1) : Math.round(value * 1e3)} ms`;
  return `${value.toFixed(1)} s`;
}

/** 12 s, 4 min, 3 h 20 min, 12 d 4 h: how long, or how long ago. */
export function duration(value) {
  const s = Math.max(0, Math.floor(value));
  if (s < 60) return `${s} s`;
  const minutes = Math.floor(s / 60);
  if (minutes < 60) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  if (hours < 24) return minutes % 60 ? `${hours} h ${minutes % 60} min` : `${hours} h`;
  return hours % 24 ? `${Math.floor(hours / 24)} d ${hours % 24} h` : `${hours / 24} d`;
}

/** "1 item", "2 items". */
export function counted(count, one, many = `${one}s`) {
  return `${whole(count)} ${count === 1 ? one : many}`;
}
