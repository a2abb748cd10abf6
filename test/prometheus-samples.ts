/**
 * The values in an answer in Prometheus' text format, by name and labels as they stand in it. Strict, as a scraper is.
 * @throws Error for a line that is none, and for a name or a sample that comes twice
 */
export function samplesOf(text: string): Record<string, number> {
  const samples: Record<string, number> = {};
  const typed = new Set<string>();
  for (const line of text.split('\n')) {
    const type = /^# TYPE (\S+) (counter|gauge|histogram)$/.exec(line)?.[1];
    if (type !== undefined) {
      if (typed.has(type)) throw new Error(`two types of ${type}`);
      typed.add(type);
    } else if (line !== '' && !/^# (?:HELP \S+ \S|no registered)/.test(line)) {
      const [, sample, value] =
        /^([a-z_][a-z0-9_]*(?:\{(?:[a-z_][a-z0-9_]*="(?:[^"\\]|\\.)*",?)*\})?) (\S+)$/.exec(line) ?? [];
      if (sample === undefined || Number.isNaN(Number(value?.replace('+Inf', 'Infinity'))))
        throw new Error(`no sample: ${line}`);
      if (sample in samples) throw new Error(`twice: ${sample}`);
      samples[sample] = Number(value);
    }
  }
  return samples;
}
