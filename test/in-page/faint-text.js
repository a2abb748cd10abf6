// Evaluated in the page: what is written with less contrast to its ground than WCAG AA asks for.
(() => {
  const context = document.createElement('canvas').getContext('2d', { willReadFrequently: true });
  const rgb = (color) => {
    context.clearRect(0, 0, 1, 1);
    context.fillStyle = color;
    context.fillRect(0, 0, 1, 1);
    return [...context.getImageData(0, 0, 1, 1).data];
  };
  const light = (color) => {
    const [r = 0, g = 0, b = 0] = rgb(color)
      .slice(0, 3)
      .map((each) => each / 255)
      .map((each) => (each <= 0.04045 ? each / 12.92 : ((each + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const groundOf = (of) => {
    for (let at = of; at; at = at.parentElement) {
      const color = getComputedStyle(at).backgroundColor;
      if (rgb(color)[3] === 255) return color;
    }
    return 'white';
  };
  return [...document.querySelectorAll('body *')]
    .filter(
      (each) =>
        each.checkVisibility() &&
        [...each.childNodes].some((node) => node.nodeType === 3 && node.nodeValue?.trim()),
    )
    .flatMap((each) => {
      const style = getComputedStyle(each);
      const isSvg = each instanceof SVGElement;
      const [one, other] = [light(isSvg ? style.fill : style.color), light(groundOf(each))];
      const contrast = (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05);
      return contrast < 4.5
        ? [`${each.tagName} ${each.textContent?.slice(0, 30)}: ${contrast.toFixed(2)}`]
        : [];
    });
})();
