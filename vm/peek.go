package vm

// PeekPage is what a program would read in the page that addr lies in, nil if none is
// mapped there. It must not be changed. It is for the final check of a scenario, and not a
// step.
func PeekPage(mm *MM, addr uint64) []byte {
	e, present := mm.walk(addr)
	if !present {
		return nil
	}
	return e.page.PeekBytes()
}
