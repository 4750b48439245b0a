-- A figure loads when it comes into view, and keeps its place on the page until then.
function Image(image)
  local file = io.open(image.src, 'rb')
  local known, size = pcall(pandoc.image.size, file and file:read('a') or '')
  if file then file:close() end
  if known and not image.attributes.width then image.attributes.width, image.attributes.height = size.width, size.height end
  image.attributes.loading = 'lazy'
  return image
end
