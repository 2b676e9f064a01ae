// What a page looks like, seen from inside the browser: look.ts sends the text of this function there, so it may use nothing else.
export function seenIn(page, view) {
  const root = page.documentElement;
  const box = (element) => element.getBoundingClientRect();
  const parts = (colour) => {
    const [r, g, b, a = 1] = (colour.match(/[\d.]+/g) ?? ['0', '0', '0', '0']).map(Number);
    return { rgb: [r, g, b], a };
  };
  const over = (above, a, below) => above.map((value, i) => a * value + (1 - a) * below[i]);
  const ancestors = (element) => {
    const all = [];
    for (let at = element; at; at = at.parentElement) all.unshift(at);
    return all;
  };
  const backgroundOf = (element) =>
    ancestors(element).reduce(
      (below, at) => {
        const { rgb, a } = parts(view.getComputedStyle(at).backgroundColor);
        return over(rgb, a, below);
      },
      [255, 255, 255],
    );
  const luminance = (rgb) => {
    const [r, g, b] = rgb
      .map((value) => value / 255)
      .map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const contrastOf = (element) => {
    const style = view.getComputedStyle(element);
    const below = backgroundOf(element);
    const { rgb, a } = parts(element.namespaceURI?.endsWith('svg') ? style.fill : style.color);
    const opacity = ancestors(element).reduce(
      (all, at) => all * Number(view.getComputedStyle(at).opacity),
      1,
    );
    const [high, low] = [luminance(over(rgb, a * opacity, below)), luminance(below)].sort((x, y) => y - x);
    return (high + 0.05) / (low + 0.05);
  };

  for (const details of page.querySelectorAll('details')) details.open = true;

  const walker = page.createTreeWalker(page.body, view.NodeFilter.SHOW_TEXT);
  const texts = [];
  while (walker.nextNode()) {
    const text = walker.currentNode.textContent.trim();
    const element = walker.currentNode.parentElement;
    if (text !== '' && !element.closest('style,script,title')) texts.push({ element, text });
  }

  const scrolls = [...page.querySelectorAll('.scroll')];
  const overflowing = [...page.body.querySelectorAll('*')]
    .filter((element) => box(element).right > root.clientWidth + 0.5 && box(element).width > 0)
    .filter((element) => !scrolls.some((scroll) => scroll !== element && scroll.contains(element)))
    .map((element) => element.localName);

  const tables = [...page.querySelectorAll('table')].map((table) => {
    const scroll = table.parentElement;
    scroll.scrollLeft = 1e6;
    const first = table.querySelector('tbody tr:last-child th');
    return {
      display: view.getComputedStyle(table).display,
      moved: scroll.scrollLeft,
      firstColumn: box(first).left - box(scroll).left,
    };
  });

  const charts = [...page.querySelectorAll('figure')].map((chart) => {
    const svg = chart.querySelector('svg');
    const all = [...svg.querySelectorAll('text')].filter((text) => text.textContent !== '');
    const names = all.filter((text) => text.closest('[text-anchor=start]') && text.closest('[fill^="var("]'));
    const overlapping = names.flatMap((a, i) =>
      names.slice(i + 1).flatMap((b) => {
        const [one, two] = [box(a), box(b)];
        const centres = Math.abs(one.top + one.bottom - two.top - two.bottom) / 2;
        return centres < 0.6 * one.height ? [`${a.textContent}, ${b.textContent}`] : [];
      }),
    );
    return {
      top: box(chart).top,
      width: box(chart).width,
      filled: box(svg).width / box(chart).width,
      letters: Math.min(...all.map((text) => box(text).height)),
      names: names.length,
      overlapping,
    };
  });

  return {
    width: root.clientWidth,
    background: view.getComputedStyle(page.body).backgroundColor,
    main: box(page.querySelector('main') ?? page.body).width,
    overflowing: root.scrollWidth > root.clientWidth ? overflowing : [],
    texts: texts.length,
    faint: texts
      .map(({ element, text }) => ({ text, contrast: contrastOf(element) }))
      .filter(({ contrast }) => contrast < 4.5),
    fetched: view.performance.getEntriesByType('resource').length,
    deadLinks: [...page.querySelectorAll('a')]
      .map((link) => link.getAttribute('href'))
      .filter((href) => !page.getElementById(href.slice(1))),
    tables,
    charts,
  };
}
