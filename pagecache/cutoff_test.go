package pagecache_test

import (
	"bytes"
	"testing"

	"trapline/pagecache"
	"trapline/sim"
	"trapline/sim/explore"
)

var staleBytes = sim.Kind{Name: "stale-bytes", Class: "stale bytes"}

// TestReadWhileCutOff cuts a file off and makes it as long again as it was, while somebody
// reads it: a page that is read in between i_size and the blocks is a hole, and what is
// left of the file afterwards is zeroes. The page that the cut divides keeps its beginning.
func TestReadWhileCutOff(t *testing.T) {
	for _, fs := range []*pagecache.FS{pagecache.Ramfs, pagecache.Disk} {
		for _, to := range []int64{0, 100, pagecache.PageSize} {
			explore.Check(t, func(m *sim.Machine) {
				content := testContent[:pagecache.PageSize+200]
				inode := pagecache.NewInode(m.Setup(), "file", content, fs)
				m.Go("truncate", func(k *sim.K) {
					for _, size := range []int64{to, int64(len(content))} {
						if pagecache.DoTruncate(k, inode, size) != nil {
							panic("cannot truncate")
						}
					}
				})
				m.Go("read", func(k *sim.K) {
					_, _ = pagecache.DoGenericMappingRead(k, inode, to&^(pagecache.PageSize-1), 1)
				})
				m.After(func(k *sim.K) {
					got, err := pagecache.DoGenericMappingRead(k, inode, 0, len(content))
					want := append(bytes.Clone(content[:to]), make([]byte, len(content)-int(to))...)
					if err != nil || !bytes.Equal(got, want) {
						k.Fail(&sim.Violation{Kind: staleBytes, Subject: "what was cut off has come back"})
					}
					settle(k, inode)
				})
			}, explore.Options{})
		}
	}
}
