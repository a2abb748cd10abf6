const units = [
  { name: 'd', ms: 86_400_000 },
  { name: 'h', ms: 3_600_000 },
  { name: 'min', ms: 60_000 },
  { name: 's', ms: 1_000 },
];

/** How long something is ago, to two digits or so: `45 s`, `12 min`, `1 h 20 min`, `3 d`. */
export function age(ms: number): string {
  const at = units.findIndex((unit) => ms >= unit.ms);
  if (at < 0) return '0 s';
  const unit = units[at]!;
  const count = Math.floor(ms / unit.ms);
  const finer = units[at + 1];
  const rest = finer && count < 10 ? Math.floor((ms % unit.ms) / finer.ms) : 0;
  return rest > 0 && finer!.name !== 's'
    ? `${count} ${unit.name} ${rest} ${finer!.name}`
    : `${count} ${unit.name}`;
}
