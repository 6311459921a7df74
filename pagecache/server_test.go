package pagecache_test

import (
	"bytes"
	"context"
	"testing"

	"trapline/pagecache"
	"trapline/sim"
	"trapline/sim/explore"
)

// Whoever reads from a server gets the file, whichever request comes first.
func TestServerEndsRequestsInAnyOrder(t *testing.T) {
	content := bytes.Repeat([]byte("page"), 2*pagecache.PageSize/4)
	r, err := explore.Run(context.Background(), func(m *sim.Machine) {
		k := m.Setup()
		inode := pagecache.NewInode(k, "file", content, pagecache.NewServer(m, "disk"))
		for i, name := range []string{"one", "two"} {
			m.Go(name, func(k *sim.K) {
				got, err := pagecache.DoGenericMappingRead(k, inode, int64(i)*pagecache.PageSize, 4)
				k.BugOn(err != nil || string(got) != "page", "read")
			})
		}
		m.After(func(k *sim.K) { pagecache.Evict(k, inode) })
	}, explore.Options{SelfCheck: true})
	if err != nil || r.Verdict() != explore.Clean || r.Executions < 2 {
		t.Errorf("%v, %v", r.Coverage(), err)
	}
}

// A task may read as much as it likes.
func TestServerOfALargeFile(t *testing.T) {
	content := make([]byte, 5000*pagecache.PageSize)
	for i := range content {
		content[i] = byte(i >> 12)
	}
	m := sim.NewMachine()
	defer m.Close()
	m.MaxSteps = 1 << 20
	o := m.Run(func(m *sim.Machine) {
		inode := pagecache.NewInode(m.Setup(), "file", content, pagecache.NewServer(m, "disk"))
		m.Go("reader", func(k *sim.K) {
			for at := 0; at < len(content); at += pagecache.PageSize {
				got, err := pagecache.DoGenericMappingRead(k, inode, int64(at), pagecache.PageSize)
				if err != nil || !bytes.Equal(got, content[at:at+pagecache.PageSize]) {
					t.Errorf("page at %#x: %v", at, err)
					return
				}
			}
		})
		m.After(func(k *sim.K) { pagecache.Evict(k, inode) })
	}, sim.Undisturbed)
	if o.Violation != nil || o.Cut {
		t.Error(o.Violation, o.Cut)
	}
}
