package pagecache

// PeekBytes is the content of the page, which must not be changed. It is for the final
// check of a scenario, and not a step.
func (p *Page) PeekBytes() []byte { return p.data }
