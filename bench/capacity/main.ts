import { readFileSync } from 'node:fs';
import { Command, InvalidArgumentError, Option } from 'commander';
import { readMeasured } from './measured.ts';
import { type Figures, facts, published } from './prices.ts';
import { asText, capacityCells, costCells, limitCells, rowsOf, SIZES, USUAL } from './tables.ts';

const numberFrom =
  (least: number, most: number, isWhole: boolean) =>
  (text: string): number => {
    const value = Number(text);
    const fits =
      text.trim() !== '' && value >= least && value <= most && (!isWhole || Number.isInteger(value));
    if (!fits)
      throw new InvalidArgumentError(
        `expected a ${isWhole ? 'whole ' : ''}number from ${least.toLocaleString('en-US')} to ${most.toLocaleString('en-US')}`,
      );
    return value;
  };

/** The published figures with those of a file in their place. */
function withPrices(file: string): Figures {
  const own = readJson(file);
  if (typeof own !== 'object' || own === null || Array.isArray(own))
    throw new InvalidArgumentError('expected an object of names and numbers, such as {"cosmosStorage": 0.3}');
  const unknown = Object.keys(own).filter((name) => !Object.hasOwn(facts, name));
  if (unknown.length > 0)
    throw new InvalidArgumentError(
      `there is no ${unknown.join(', ')}; there are ${Object.keys(facts).join(', ')}`,
    );
  const wrong = Object.entries(own).filter(
    ([, value]) => !(typeof value === 'number' && value > 0 && value < 1e12),
  );
  if (wrong.length > 0)
    throw new InvalidArgumentError(`${wrong.map(([name]) => name).join(', ')}: expected a number over 0`);
  return { ...published, ...own };
}

function readJson(file: string): unknown {
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch (error) {
    throw new InvalidArgumentError(`it cannot be read as JSON: ${(error as Error).message}`);
  }
}

const flags = new Command('capacity')
  .description(
    'What so many users need of each service and cost a month, from what the benchmark measured, published prices and limits, and assumptions: docs/scaling.md.',
  )
  .option('--users <count>', 'who chat on a day; absent: a thousand to ten million', numberFrom(1, 1e9, true))
  .option('--turns-per-day <count>', 'of one of them', numberFrom(0.001, 1e6, false), USUAL.turnsPerDay)
  .option('--turn-kb <kb>', 'a question and its answer as JSON', numberFrom(0.25, 256, false), USUAL.turnKb)
  .option(
    '--conversation-turns <count>',
    'turns of a conversation',
    numberFrom(1, 2_000, true),
    USUAL.conversationTurns,
  )
  .addOption(
    new Option(
      '--region-prices <file>',
      'JSON of names and numbers that take the place of those in bench/capacity/prices.ts',
    )
      .argParser(withPrices)
      .default(published, 'none'),
  )
  .option('--json', 'one line of JSON on stdout, and nothing else there', false)
  .showHelpAfterError()
  // As with the stand-ins: Node would read some options itself, so the npm script begins ours with `--`.
  .parse(process.argv[2] === '--' ? process.argv.toSpliced(2, 1) : process.argv)
  .opts<{
    users?: number;
    turnsPerDay: number;
    turnKb: number;
    conversationTurns: number;
    regionPrices: Figures;
    json: boolean;
  }>();

const { turnsPerDay, turnKb, conversationTurns, regionPrices: figures } = flags;
const workload = { turnsPerDay, turnKb, conversationTurns };
const measured = readMeasured();
const sizes = flags.users === undefined ? SIZES : [flags.users];
const { rows, reached, oneUser } = rowsOf(sizes, workload, figures, measured);
if (flags.json) console.log(JSON.stringify({ workload, figures, measured, rows, reached }));
else
  console.log(
    [
      `${turnsPerDay} turns a day, ${turnKb} KB each, ${conversationTurns} a conversation; measured on ${measured.when}.`,
      'In the busiest second:',
      asText(capacityCells(rows)),
      'Dollars a month:',
      asText(costCells(rows)),
      'What is reached, and when:',
      asText(limitCells(reached)),
      oneUser,
      'What is assumed, and which prices are not confirmed, is in docs/scaling.md.',
    ].join('\n\n'),
  );
