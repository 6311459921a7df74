package live

import (
	"fmt"

	"trapline/pagecache"
	"trapline/sim"
	"trapline/vm"
)

// Memory is what /proc/PID/smaps shows of an area.
type Memory struct {
	PrivateClean string `json:"private_clean"`
	PrivateDirty string `json:"private_dirty"`
	Anonymous    string `json:"anonymous"`
	Flags        string `json:"vmflags"`
}

// faultAround is fault_around_pages: a fault maps what is in memory around it.
const faultAround = 16

// TextMemory is what smaps shows of the text of the process that waits for its
// input, on a file system in memory, whose pages are dirty.
func (k *Kernel) TextMemory() Memory {
	t := k.current
	if t == nil {
		return Memory{}
	}
	h, mm := t.K(), t.MM()
	h.DownRead(&mm.MmapSem)
	defer h.UpRead(&mm.MmapSem)
	for _, vma := range vm.Areas(h, mm) {
		if vma.Flags&vm.VMExec != 0 && vma.Name == "" && vma.Inode != nil {
			mapped, own := pagesOf(h, vma)
			kb := func(n int) string { return fmt.Sprintf("%d kB", n*pageSize>>10) }
			return Memory{kb(0), kb(mapped), kb(own), vmFlags(vma.Flags)}
		}
	}
	return Memory{}
}

// pagesOf counts the pages that the area maps, and those that are its own.
func pagesOf(h *sim.K, vma *vm.VMA) (mapped, own int) {
	for at := vma.Start; at < vma.End; {
		end := min((at/pageSize/faultAround+1)*faultAround*pageSize, vma.End)
		n, around := int((end-at)/pageSize), false
		for ; at < end; at += pageSize {
			page := vm.FollowPage(h, vma.MM, at)
			if page == nil {
				continue
			}
			around = true
			if page.Mapping.Peek() == nil {
				own++
			}
			pagecache.PageCacheRelease(h, page)
		}
		if around {
			mapped += n
		}
	}
	return mapped, own
}

// vmFlags is the line VmFlags. Every area is softly dirty.
func vmFlags(f vm.VMFlags) string {
	var s string
	for _, b := range []struct {
		flag vm.VMFlags
		name string
	}{{vm.VMRead, "rd"}, {vm.VMWrite, "wr"}, {vm.VMExec, "ex"}, {vm.VMShared, "sh"}, {vm.VMMayRead, "mr"}, {vm.VMMayWrite, "mw"},
		{vm.VMMayExec, "me"}, {vm.VMMayShare, "ms"}} {
		if f&b.flag != 0 {
			s += b.name + " "
		}
	}
	return s + "sd"
}
