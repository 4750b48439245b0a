// Self-test for the questionnaire: one question at a time; what was missed comes back. Progress stays in this browser.
const KEY = 'mnist_under_hood-questionnaire';
const box = document.getElementById('quiz');
const all = [], lessons = [];  // each question under the heading of its lesson
for (const o of document.querySelectorAll('main h2, details.question')) {
  if (o.tagName === 'H2') { lessons.push(o.textContent.trim()); continue; }
  const question = o.querySelector('summary').innerHTML, answer = [...o.children].slice(1).map(child => child.outerHTML).join('');
  all.push({id: o.querySelector('summary').textContent.trim(), lesson: lessons.at(-1), question, answer});
}
let cards = all;

const load = () => JSON.parse(localStorage.getItem(KEY) ?? '{}');
const save = known => localStorage.setItem(KEY, JSON.stringify(known));

/** Not yet known, in the order of the page; those missed go to the end. */
let queue = [];
const refill = () => { const known = load(); queue = cards.filter(card => !known[card.id]); };

function button(text, action) {
  const element = document.createElement('button');
  Object.assign(element, {type: 'button', textContent: text, onclick: action});
  return element;
}

function show() {
  const known = cards.length - queue.length, status = document.createElement('p');
  status.className = 'progress-line';
  status.textContent = `${known} of ${cards.length} known`;
  if (!queue.length) return box.replaceChildren(status, button('Start again', forget), ' ', button('Other lessons', begin));
  const [card] = queue, question = document.createElement('p'), answer = document.createElement('div'), buttons = document.createElement('p');
  question.className = 'ask'; question.innerHTML = card.question; question.tabIndex = -1;
  answer.hidden = true; answer.innerHTML = card.answer;
  const next = knew => {
    queue.shift();
    if (knew) save({...load(), [card.id]: true}); else queue.push(card);
    show();
    box.querySelector('.ask, button').focus();
  };
  const reveal = button('Reveal', () => { answer.hidden = false; buttons.replaceChildren(button('Knew it', () => next(true)), ' ', button('Did not', () => next(false))); buttons.firstChild.focus(); });
  buttons.append(reveal, ' ', button('Other lessons', begin), ' ', button('Forget my progress', forget));
  box.replaceChildren(status, question, answer, buttons);
}

/** Forgets the answers to the chosen questions, and no others. */
function forget() {
  const known = load();
  for (const card of cards) delete known[card.id];
  save(known); refill(); show();
  box.querySelector('.ask, button').focus();
}

function begin() {
  const which = document.createElement('select');
  which.setAttribute('aria-label', 'Which lessons');
  which.append(new Option('all lessons', ''), ...lessons.map(lesson => new Option(lesson)));
  const start = button('Test me, one question at a time', () => {
    cards = which.value ? all.filter(card => card.lesson === which.value) : all;
    refill(); show();
    box.querySelector('.ask, button').focus();
  });
  box.replaceChildren(start, ' ', which);
}

begin();
box.hidden = false;
