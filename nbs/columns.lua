-- Printed output that stands in columns, as a matrix does, keeps them: it scrolls where other output wraps. tools/pages.py does the same.
function CodeBlock(block)
  if #block.classes == 0 and block.text:find('\n') and block.text:find('  ') then
    block.classes = {'columns'}
    block.attributes.tabindex = '0'
    return block
  end
end
