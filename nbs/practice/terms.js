// The glossary's words in a lesson are links to their entries, with the entry as their title. Here it is shown in place: on hover, on focus, and on
// the first tap; the second tap follows the link. Escape hides it. Without this script the links and titles remain.
const main = document.querySelector('main');
const tip = Object.assign(document.createElement('div'), {id: 'term-entry', className: 'term', hidden: true});
tip.setAttribute('role', 'tooltip');
main.append(tip);
let shown = null, tapped = null, later = 0;

function show(link) {
  clearTimeout(later);
  hide();
  shown = link;
  tip.textContent = link.dataset.entry;
  tip.hidden = false;
  link.setAttribute('aria-describedby', tip.id);
  const word = link.getClientRects()[0], edge = document.documentElement.clientWidth - tip.offsetWidth - 8, above = word.bottom + tip.offsetHeight + 8 > innerHeight;
  const from = tip.offsetParent.getBoundingClientRect();
  tip.style.left = `${Math.max(8, Math.min(word.left, edge)) - from.left}px`;
  tip.style.top = `${(above ? word.top - tip.offsetHeight - 6 : word.bottom + 6) - from.top}px`;
}

function hide() {
  shown?.removeAttribute('aria-describedby');
  shown = null;
  tip.hidden = true;
}

/** Not at once, so that the pointer can reach the entry, to select from it. */
const hideSoon = () => { clearTimeout(later); later = setTimeout(hide, 250); };

for (const link of main.querySelectorAll('a[href*="glossary.html#"][title]')) {
  link.dataset.entry = link.title;
  link.removeAttribute('title');
  link.addEventListener('pointerenter', event => { if (event.pointerType === 'mouse') show(link); });
  link.addEventListener('pointerleave', event => { if (event.pointerType === 'mouse') hideSoon(); });
  link.addEventListener('focus', () => show(link));
  link.addEventListener('blur', hide);
  link.addEventListener('pointerdown', event => { tapped = event.pointerType !== 'mouse' && shown !== link ? link : null; });
  link.addEventListener('click', event => { if (tapped === link) { event.preventDefault(); show(link); } tapped = null; });
}
tip.addEventListener('pointerenter', () => clearTimeout(later));
tip.addEventListener('pointerleave', hideSoon);
document.addEventListener('keydown', event => { if (event.key === 'Escape') hide(); });
document.addEventListener('pointerdown', event => { if (shown && event.target !== shown && event.target !== tip) hide(); });
