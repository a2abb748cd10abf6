import { expect, test } from 'vitest';
import { readPageFiles } from './files.ts';

const files = readPageFiles();
const text = (path: string): string => String(files.get(path)?.body);

test('whatever the page and its modules name is there, and nothing of elsewhere is named', () => {
  const named = [...text('/console/').matchAll(/(?:src|href)="([^"#]+)"/g)].map(([, name]) => name!);
  for (const [path] of files)
    if (path.endsWith('.js'))
      named.push(
        ...[...text(path).matchAll(/^} from '(.+)';|^import .* from '(.+)';/gm)].map(
          ([, one, other]) => (one ?? other)!,
        ),
      );
  expect(named.length).toBeGreaterThan(20);
  expect(named.filter((name) => !files.has(`/console/${name.replace('./', '')}`))).toEqual([]);
  for (const { body } of files.values())
    expect(String(body).replaceAll('http://www.w3.org/2000/svg', '')).not.toMatch(/https?:|\/\/[a-z]+\./i);
});

test('nothing of the page stands inline, where the policy would stop it', () => {
  expect(text('/console/')).not.toMatch(/<script>|<style|\sstyle=|\son\w+=/);
});

test('no module makes markup of text', () => {
  for (const [path, { body }] of files)
    expect([
      path,
      String(body).match(/innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(|new Function/),
    ]).toEqual([path, null]);
});
