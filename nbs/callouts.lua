-- A block quote that begins with a bold word and a colon, as in `> **Note:** …`, becomes a callout.
local kinds = {Note = 'note', Tip = 'tip', Warning = 'warning', Important = 'important', Caution = 'caution'}

function BlockQuote(quote)
  local first = quote.content[1]
  if not first or first.t ~= 'Para' or first.content[1].t ~= 'Strong' then return end
  local word = pandoc.utils.stringify(first.content[1]):match('^(%a+):$')
  if not kinds[word] then return end
  first.content:remove(1)
  if first.content[1] and first.content[1].t == 'Space' then first.content:remove(1) end
  return quarto.Callout({type = kinds[word], content = quote.content})
end
