(() => {
  const ranks = { failed: 0, unscored: 1, passed: 2 };
  const number = (row, key) => {
    if (key === 'rank') return ranks[row.dataset.status];
    return row.dataset[key] === '' ? null : Number(row.dataset[key]);
  };
  for (const gate of document.querySelectorAll('[data-gate]')) {
    const list = gate.querySelector('.cases');
    const rows = [...list.children];
    const tools = gate.querySelector('[data-tools]');
    const count = gate.querySelector('[data-count]');
    const texts = new Map();
    const text = (row) => {
      if (!texts.has(row)) texts.set(row, row.textContent.toLowerCase());
      return texts.get(row);
    };
    const field = (name) => tools.elements[name] ? tools.elements[name].value : '';
    const filter = () => {
      const query = field('query').trim().toLowerCase();
      const status = field('status');
      const tag = field('tag');
      let shown = 0;
      for (const row of rows) {
        const { dataset } = row;
        const fits = (!status || dataset.status === status || dataset.change === status)
          && (!tag || dataset.tags.split('\n').includes(tag))
          && (!query || text(row).includes(query));
        row.hidden = !fits;
        if (fits) shown += 1;
      }
      count.textContent = shown === rows.length ? `${rows.length}` : `${shown} of ${rows.length}`;
    };
    const sort = () => {
      const wanted = field('sort');
      const key = wanted.replace('-', '');
      const sign = wanted.startsWith('-') ? -1 : 1;
      const sorted = rows.slice().sort((a, b) => {
        const [x, y] = [number(a, key), number(b, key)];
        if (x === null || y === null) return (x === null) - (y === null) || a.dataset.index - b.dataset.index;
        return sign * (x - y) || a.dataset.index - b.dataset.index;
      });
      list.append(...sorted);
    };
    tools.addEventListener('input', (event) => { if (event.target.name !== 'sort') filter(); });
    tools.addEventListener('change', (event) => { if (event.target.name === 'sort') sort(); });
    tools.addEventListener('submit', (event) => event.preventDefault());
    filter();
    if (field('sort') !== 'index') sort();
  }
  const open = () => {
    const target = document.getElementById(location.hash.slice(1));
    if (!target || target.tagName !== 'DETAILS') return;
    // A filter must not hide what a link leads to.
    target.hidden = false;
    target.open = true;
    target.scrollIntoView();
  };
  addEventListener('hashchange', open);
  open();
})();
