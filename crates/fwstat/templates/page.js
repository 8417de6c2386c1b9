'use strict';
(function () {
  function text(cell) { return cell.textContent.trim().toLowerCase(); }
  function key(cell) { return cell.dataset.k === undefined ? null : Number(cell.dataset.k); }
  function compare(a, b) {
    var x = key(a), y = key(b);
    if (x !== null && y !== null) return x - y;
    return text(a).localeCompare(text(b), 'en', { numeric: true });
  }
  function sort(table, head, at) {
    var down = head.getAttribute('aria-sort') !== 'descending';
    table.querySelectorAll('th[aria-sort]').forEach(function (th) { th.removeAttribute('aria-sort'); });
    head.setAttribute('aria-sort', down ? 'descending' : 'ascending');
    var body = table.tBodies[0], rows = Array.from(body.rows);
    rows.sort(function (a, b) { var order = compare(a.cells[at], b.cells[at]); return down ? -order : order; });
    rows.forEach(function (row) { body.appendChild(row); });
  }
  document.querySelectorAll('table[data-tools]').forEach(function (table) {
    Array.from(table.tHead.rows[0].cells).forEach(function (head, at) {
      if (head.dataset.sort === undefined) return;
      var button = document.createElement('button');
      button.type = 'button';
      button.textContent = head.textContent;
      head.textContent = '';
      head.appendChild(button);
      button.addEventListener('click', function () { sort(table, head, at); });
    });
    if (table.tBodies[0].rows.length < 8) return;
    var label = document.createElement('label'), input = document.createElement('input');
    label.className = 'filter';
    label.textContent = 'Filter';
    input.type = 'search';
    input.autocomplete = 'off';
    label.appendChild(input);
    table.parentNode.parentNode.insertBefore(label, table.parentNode);
    input.addEventListener('input', function () {
      var wanted = input.value.trim().toLowerCase();
      Array.from(table.tBodies[0].rows).forEach(function (row) { row.hidden = !text(row).includes(wanted); });
    });
  });
  document.querySelectorAll('pre[data-copy]').forEach(function (pre) {
    if (!navigator.clipboard) return;
    var button = document.createElement('button');
    button.type = 'button';
    button.className = 'copy';
    button.textContent = 'Copy';
    pre.parentNode.insertBefore(button, pre);
    button.addEventListener('click', function () {
      navigator.clipboard.writeText(pre.textContent).then(function () {
        button.textContent = 'Copied';
        setTimeout(function () { button.textContent = 'Copy'; }, 1500);
      }, function () { button.textContent = 'Not allowed: select and copy'; });
    });
  });
}());
