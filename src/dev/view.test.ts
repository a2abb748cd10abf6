import { expect, test } from 'vitest';
import { makeScreen } from '../../test/screen.ts';
import { makeDrawing } from './view.ts';

const onScreen = (columns: number, rows: number) => {
  const { stream, written } = makeScreen(true, columns);
  const resize = (size: { columns: number; rows: number }) => Object.assign(stream, size);
  resize({ columns, rows });
  const draw = makeDrawing(stream);
  return {
    resize,
    /** How far up it goes, and the lines that it then writes. */
    drawn(picture: string[]) {
      draw(picture);
      const [, up, text] = /^(?:\x1b\[(\d+)A)?\r(.*)\x1b\[0J$/s.exec(written())!;
      return {
        up: Number(up ?? 0),
        lines: text!
          .split('\x1b[2K')
          .slice(1)
          .map((line) => line.trimEnd()),
      };
    },
  };
};

test('a picture takes the place of the one before', () => {
  const { drawn } = onScreen(80, 24);
  expect(drawn(['head', 'a', 'b'])).toEqual({ up: 0, lines: ['head', 'a', 'b'] });
  expect(drawn(['head', 'b'])).toEqual({ up: 3, lines: ['head', 'b'] });
  expect(drawn(['head'])).toEqual({ up: 2, lines: ['head'] });
});

test('lines are cut to the columns that they take', () => {
  const { drawn } = onScreen(10, 24);
  expect(drawn(['1234567890', '如何在周末学习', '👋👋👋👋👋'])).toMatchObject({
    lines: ['123456789…', '如何在周…', '👋👋👋👋…'],
  });
});

test('a terminal that has become narrower has broken the lines, which are all drawn over', () => {
  const { drawn, resize } = onScreen(80, 24);
  drawn(['x'.repeat(70), '如'.repeat(30), 'short']);
  resize({ columns: 40, rows: 24 });
  expect(drawn(['head'])).toEqual({ up: 2 + 2 + 1, lines: ['head'] });
});

test('where there are more lines than rows, the first and the last of them are shown', () => {
  const { drawn } = onScreen(80, 4);
  expect(drawn(['head', 'a', 'b', 'c'])).toMatchObject({ lines: ['head', 'b', 'c'] });
  const tiny = onScreen(80, 1);
  expect(tiny.drawn(['head', 'a'])).toMatchObject({ lines: ['head'] });
});
