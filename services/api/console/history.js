// What the page remembers: a few minutes of reports, from which rates and quantiles are worked out.
//
// Counts begin anew with every process, and two API replicas may answer in turns; so rates are taken for each instance
// on its own, over the time between its own reports, and then summed.

export const WINDOW_S = 300;
const RECENT_S = 60;

export class History {
  #reports = new Map(); // instance -> [{at, process}], oldest first
  #totals = new Map(); // name of a series -> [{at, value}], oldest first

  /** Take in the processes of an answer that came at `now` (seconds, by the page's own clock: replicas' differ). */
  take(processes, now) {
    for (const process of processes) this.#remember(process, now - process.silent_s);
    for (const [instance, kept] of this.#reports) {
      const left = kept.filter((one) => now - one.at <= WINDOW_S);
      if (left.length) this.#reports.set(instance, left);
      else this.#reports.delete(instance);
    }
  }

  /** Remember one more value of a series at a moment (seconds), and return what is known of it. */
  series(name, at, value) {
    const known = (this.#totals.get(name) ?? []).filter((point) => at - point.at <= WINDOW_S && point.at < at);
    if (value !== null) known.push({ at, value });
    this.#totals.set(name, known);
    return known;
  }

  /** How fast a count rises a second, of one process: over its last few reports. Null while that is not known. */
  rate(process, count, span = 10) {
    const reports = this.#reports.get(process.instance) ?? [];
    const last = reports.at(-1);
    const first = reports.find((one) => last.at - one.at <= span);
    if (!last || !first || last.at - first.at < 1) return null;
    return Math.max(0, count(last.process) - count(first.process)) / (last.at - first.at);
  }

  /** The sum of the rates of all these processes. */
  total(processes, count) {
    const rates = processes.map((process) => this.rate(process, count)).filter((value) => value !== null);
    return rates.length ? rates.reduce((sum, value) => sum + value, 0) : null;
  }

  /** A quantile of durations over the last minute, of histograms added up; null when nothing was timed. */
  quantile(q, processes, histogram) {
    let bounds = [];
    let counts = [];
    let all = 0;
    for (const process of processes) {
      const reports = this.#reports.get(process.instance) ?? [];
      const last = reports.at(-1);
      const first = reports.find((one) => last.at - one.at <= RECENT_S);
      if (!last || !first) continue;
      const [now, then] = [histogram(last.process), histogram(first.process)];
      bounds = now.bounds;
      counts = now.counts.map((count, at) => (counts[at] ?? 0) + count - (then.counts[at] ?? 0));
      all += now.count - then.count;
    }
    return all > 0 ? interpolated(q * all, bounds, counts) : null;
  }

  #remember(process, at) {
    const kept = this.#reports.get(process.instance) ?? [];
    // the same report seen again comes out a few milliseconds elsewhere
    if (!kept.length || at - kept.at(-1).at > 0.5) kept.push({ at, process });
    this.#reports.set(process.instance, kept);
  }
}

/** As Prometheus's histogram_quantile: evenly spread within a bucket; beyond the last bound, that bound. */
function interpolated(rank, bounds, counts) {
  const at = counts.findIndex((count) => count >= rank);
  if (at < 0) return bounds.at(-1) ?? null;
  const [lower, before] = at ? [bounds[at - 1], counts[at - 1]] : [0, 0];
  return lower + ((bounds[at] - lower) * (rank - before)) / (counts[at] - before || 1);
}
