/** A page with what stands between its marks made anew. @throws Error when the marks are gone */
export function between(page: string, mark: string, content: string): string {
  const begin = `<!-- ${mark} -->`;
  const end = `<!-- /${mark.split(':')[0]} -->`;
  const [from, to] = [page.indexOf(begin), page.indexOf(end)];
  if (from < 0 || to < from) throw new Error(`the page must have the lines ${begin} and ${end}`);
  return `${page.slice(0, from)}${begin}\n${content}\n${page.slice(to)}`;
}
