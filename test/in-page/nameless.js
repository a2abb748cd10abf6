// Evaluated in the page: what can be used or looked at and has no name for a screen reader.
[...document.querySelectorAll('button, a, input, img, svg[role]')]
  .filter((each) => each.checkVisibility())
  .filter((each) => {
    const label = each instanceof HTMLInputElement ? each.labels?.length : undefined;
    return !(
      each.textContent?.trim() ||
      each.getAttribute('aria-label') ||
      each.hasAttribute('alt') ||
      label
    );
  })
  .map((each) => each.outerHTML);
