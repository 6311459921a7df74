package vm

import (
	"trapline/pagecache"
	"trapline/sim"
)

// AccessRemoteVM is access_remote_vm() with FOLL_FORCE, as /proc/PID/mem and
// ptrace(2) have it: it reads or writes the memory of a program, whatever the
// program itself may do there. What is written to a private area becomes the
// program's own. It says how many bytes it got before the first that nobody can
// reach, as in a special mapping. It takes mm->mmap_sem and sleeps.
func AccessRemoteVM(k *sim.K, mm *MM, addr uint64, p []byte, write bool) int {
	k.DownRead(&mm.MmapSem)
	defer k.UpRead(&mm.MmapSem)
	done := 0
	for done < len(p) {
		at := addr + uint64(done)
		if at < addr || at >= TaskSize {
			break
		}
		if vma := FindVMA(k, mm, at); vma == nil || vma.Name != "" {
			break
		}
		page, _, err := GetUserPage(k, mm, at, write)
		if err != nil {
			break
		}
		off := int(at & (pageSize - 1))
		n := min(len(p)-done, pageSize-off)
		if write {
			pagecache.StoreBytes(k, page, off, p[done:done+n])
		} else {
			pagecache.LoadBytes(k, page, off, p[done:done+n])
		}
		pagecache.PageCacheRelease(k, page)
		done += n
	}
	return done
}
