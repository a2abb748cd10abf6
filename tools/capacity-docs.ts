import { readFileSync, writeFileSync } from 'node:fs';
import { excludedPaths } from '../bench/capacity/indexed-values.ts';
import { readMeasured } from '../bench/capacity/measured.ts';
import { assumptions, type FactName, limits, prices, published } from '../bench/capacity/prices.ts';
import {
  asMarkdown,
  capacityCells,
  costCells,
  factCells,
  indexCells,
  instanceCells,
  lengthCells,
  limitCells,
  measuredCells,
  rowsOf,
  SIZES,
  USUAL,
} from '../bench/capacity/tables.ts';
import { between } from './marked-section.ts';

export const SCALING_PAGE = 'docs/scaling.md';

/** The page with all that is computed on it made anew. @throws Error when its marks are gone, or there are no figures */
export function withCapacity(page: string): string {
  const measured = readMeasured();
  const { rows, reached, oneUser } = rowsOf(SIZES, USUAL, published, measured);
  const from = 'made from bench/capacity and bench/results/figures.json by "npm run docs"';
  const sections: [string, string][] = [
    ['instances', asMarkdown(instanceCells(measured))],
    ['lengths', asMarkdown(lengthCells(USUAL.turnKb))],
    ['capacity', `${asMarkdown(capacityCells(rows))}\n\n${asMarkdown(costCells(rows))}`],
    ['limits', `${asMarkdown(limitCells(reached), true)}\n\n${oneUser}`],
    ['indexing', asMarkdown(indexCells(USUAL.turnKb, excludedPaths()))],
    [
      'facts',
      [
        asMarkdown(measuredCells(measured, published), true),
        ...[prices, limits, assumptions].map((some) =>
          asMarkdown(factCells(Object.keys(some) as FactName[]), true),
        ),
      ].join('\n\n'),
    ],
  ];
  return sections.reduce((text, [mark, content]) => between(text, `${mark}: ${from}`, content), page);
}

if (process.argv.includes('--write'))
  writeFileSync(SCALING_PAGE, withCapacity(readFileSync(SCALING_PAGE, 'utf8')));
