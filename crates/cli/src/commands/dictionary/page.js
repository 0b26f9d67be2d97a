(function () {
  var box = document.getElementById('search'), found = document.getElementById('found');
  var entries = Array.prototype.slice.call(document.querySelectorAll('.entry'));
  var texts = entries.map(function (e) { return e.textContent.toLowerCase(); });
  function look() {
    var words = box.value.toLowerCase().split(/\s+/).filter(Boolean), shown = 0;
    function has(text) { return words.every(function (w) { return text.indexOf(w) >= 0; }); }
    entries.forEach(function (e, i) {
      var is = has(texts[i]);
      e.classList.toggle('hidden', !is);
      shown += is ? 1 : 0;
      // Where a name or a description matches, the whole entry is wanted; else only the rows that match.
      var rows = Array.prototype.slice.call(e.querySelectorAll('tbody tr'));
      var hits = rows.filter(function (r) { return has(r.textContent.toLowerCase()); });
      rows.forEach(function (r) { r.classList.toggle('hidden', words.length > 0 && hits.length > 0 && hits.indexOf(r) < 0); });
      Array.prototype.forEach.call(e.querySelectorAll('details'), function (d) {
        if (words.length && has(d.textContent.toLowerCase())) { d.open = true; d.dataset.opened = '1'; }
        else if (d.dataset.opened) { d.open = false; delete d.dataset.opened; }
      });
    });
    Array.prototype.forEach.call(document.querySelectorAll('section'), function (s) {
      var all = s.querySelectorAll('.entry');
      s.classList.toggle('hidden', words.length > 0 && s.querySelectorAll('.entry:not(.hidden)').length === 0);
      if (!all.length) s.classList.toggle('hidden', words.length > 0);
    });
    found.textContent = words.length ? shown + ' of ' + entries.length : '';
  }
  box.addEventListener('input', look);
  document.addEventListener('keydown', function (e) {
    if (e.key === '/' && document.activeElement !== box) { e.preventDefault(); box.focus(); }
    if (e.key === 'Escape' && document.activeElement === box) { box.value = ''; look(); }
  });
  document.addEventListener('click', function (e) {
    var a = e.target.closest && e.target.closest('a[href^="#"]');
    if (a && box.value) { box.value = ''; look(); }
  });
})();
