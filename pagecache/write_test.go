package pagecache_test

import (
	"bytes"
	"errors"
	"fmt"
	"testing"

	"pgregory.net/rapid"

	"trapline/pagecache"
	"trapline/sim"
)

const pageSize = pagecache.PageSize

// setting is what a property draws of the world around a file.
type setting struct {
	disk, flusher, small bool
	depth, requests      int
	bioPages, ra         int
}

func drawSetting(t *rapid.T) setting {
	return setting{
		disk:     rapid.IntRange(0, 3).Draw(t, "disk") > 0,
		flusher:  rapid.Bool().Draw(t, "flusher"),
		small:    rapid.Bool().Draw(t, "little memory"),
		depth:    rapid.IntRange(0, 2).Draw(t, "depth"),
		requests: rapid.SampledFrom([]int{0, 1, 3}).Draw(t, "requests"),
		bioPages: rapid.IntRange(1, 3).Draw(t, "pages in a request"),
		ra:       rapid.SampledFrom([]int{0, 1, 4}).Draw(t, "readahead"),
	}
}

// make makes a file with testContent, and the device below it.
func (s setting) make(m *sim.Machine) (*pagecache.Inode, *pagecache.BlockDevice) {
	k := m.Setup()
	d := pagecache.NewBlockDevice(k, "sda")
	d.Depth, d.Requests, d.BioPages = s.depth, s.requests, s.bioPages
	if s.flusher {
		pagecache.StartFlusher(m, d)
	}
	fs := pagecache.Tmpfs
	if s.disk {
		fs = pagecache.NewBlockFS(d)
	}
	inode := pagecache.NewInode(k, "file", testContent, fs)
	if s.small && s.disk {
		inode.Zone = pagecache.NewZone(k, 6)
	}
	m.After(func(k *sim.K) { settle(k, inode) })
	return inode, d
}

// model is a file as anyone would make it.
type model []byte

func (b *model) write(pos int, buf []byte) {
	if end := pos + len(buf); end > len(*b) {
		b.truncate(end)
	}
	copy((*b)[pos:], buf)
}

func (b *model) truncate(size int) {
	if size <= len(*b) {
		*b = (*b)[:size:size]
		return
	}
	*b = append(*b, make([]byte, size-len(*b))...)
}

func (b model) read(pos, n int) []byte {
	if pos >= len(b) {
		return nil
	}
	return b[pos:min(pos+n, len(b))]
}

// fileOp is one thing that a program does to a file.
type fileOp struct {
	name string
	pos  int
	n    int
	fill byte
}

func drawOps(t *rapid.T, label string, n int, names ...string) []fileOp {
	return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) fileOp {
		return fileOp{
			rapid.SampledFrom(names).Draw(t, "op"),
			rapid.OneOf(rapid.IntRange(0, 6*pageSize), rapid.Map(rapid.IntRange(0, 5), func(i int) int { return i * pageSize })).Draw(t, "at"),
			rapid.OneOf(rapid.IntRange(1, 2*pageSize+50), rapid.Just(pageSize)).Draw(t, "n"),
			byte(rapid.IntRange(1, 255).Draw(t, "fill")),
		}
	}), 1, n).Draw(t, label)
}

func (o fileOp) run(k *sim.K, t *rapid.T, f *pagecache.File, b *model) {
	inode, index := f.Inode, uint64(o.pos)>>pagecache.PageShift
	switch o.name {
	case "read":
		got, err := pagecache.GenericFileRead(k, f, int64(o.pos), o.n)
		if err != nil || !bytes.Equal(got, b.read(o.pos, o.n)) {
			t.Errorf("%v: %v, and not what was written", o, err)
		}
	case "write":
		buf := bytes.Repeat([]byte{o.fill}, o.n)
		if n, err := pagecache.GenericFileWrite(k, f, int64(o.pos), buf); n != o.n || err != nil {
			t.Errorf("%v: %d, %v", o, n, err)
		}
		b.write(o.pos, buf)
	case "append":
		f.Append = true
		buf := bytes.Repeat([]byte{o.fill}, o.n)
		if n, err := pagecache.GenericFileWrite(k, f, 0, buf); n != o.n || err != nil {
			t.Errorf("%v: %d, %v", o, n, err)
		}
		f.Append = false
		b.write(len(*b), buf)
	case "truncate":
		if err := pagecache.DoTruncate(k, inode, int64(o.pos)); err != nil {
			t.Errorf("%v: %v", o, err)
		}
		b.truncate(o.pos)
	case "fault":
		page, err := pagecache.FilemapFault(k, f, index)
		if inside := int(index)*pageSize < len(*b); inside != (err == nil) || err != nil && !errors.Is(err, pagecache.ErrSigbus) {
			t.Errorf("%v: %v, with %d bytes in the file", o, err, len(*b))
		}
		if err == nil {
			pagecache.UnlockPage(k, page)
			if o.pos < len(*b) && pagecache.ReadByte(k, page, o.pos%pageSize) != (*b)[o.pos] {
				t.Errorf("%v: not what was written", o)
			}
			pagecache.PageCacheRelease(k, page)
		}
	case "store":
		page, err := pagecache.FilemapNopage(k, inode, index)
		if err != nil {
			return
		}
		if pagecache.FilemapPageMkwrite(k, inode, page) == nil {
			if o.pos < len(*b) {
				pagecache.WriteByte(k, page, o.pos%pageSize, o.fill)
				(*b)[o.pos] = o.fill
			}
			pagecache.UnlockPage(k, page)
		}
		pagecache.PageCacheRelease(k, page)
	case "fsync":
		if err := pagecache.Fsync(k, f); err != nil {
			t.Errorf("%v: %v", o, err)
		}
	case "reclaim":
		pagecache.Reclaim(k, inode, index)
	case "drop":
		pagecache.InvalidateMappingPages(k, inode)
	case "remount":
		remount(k, t, f)
	}
}

// remount brings the file to the device, and drops it from memory. A file that is
// only in memory stays there.
func remount(k *sim.K, t *rapid.T, f *pagecache.File) {
	if err := pagecache.Fsync(k, f); err != nil {
		t.Errorf("fsync: %v", err)
	}
	_ = pagecache.InvalidateInodePages2(k, f.Inode)
}

func (b model) check(k *sim.K, t *rapid.T, f *pagecache.File) {
	got, err := pagecache.GenericFileRead(k, f, 0, len(b)+10)
	if err != nil || !bytes.Equal(got, b) {
		t.Errorf("the file has %d bytes (%v) and the model %d, or others", len(got), err, len(b))
	}
}

// TestFileIsItsBytes checks that a file does what a slice of bytes does, whatever
// the device, the flusher and reclaim do meanwhile, and that what was written is on
// the device after an fsync.
func TestFileIsItsBytes(t *testing.T) {
	m := sim.NewMachine()
	defer m.Close()
	rapid.Check(t, func(t *rapid.T) {
		s := drawSetting(t)
		ops := drawOps(t, "ops", 8, "read", "write", "append", "truncate", "fault", "store", "fsync", "reclaim", "drop", "remount")
		o := m.Run(func(m *sim.Machine) {
			inode, _ := s.make(m)
			m.Go("program", func(k *sim.K) {
				f := pagecache.OpenFile(k, inode)
				f.RAPages = s.ra
				b := model(bytes.Clone(testContent))
				for _, o := range ops {
					o.run(k, t, f, &b)
				}
				b.check(k, t, f)
				remount(k, t, f)
				b.check(k, t, f)
			})
			m.Go("kswapd", func(k *sim.K) {
				for i := range uint64(3) {
					pagecache.Reclaim(k, inode, i)
				}
			})
		}, drawn(t))
		if o.Violation != nil || o.Cut {
			t.Fatalf("%v after %d steps (%+v)", o.Violation, o.Steps, o)
		}
	})
}

// TestNeighboursInAPage checks that tasks which write to a file, each to bytes of its
// own, do not lose each other's, though they share its pages.
func TestNeighboursInAPage(t *testing.T) {
	const stripe = 700
	m := sim.NewMachine()
	defer m.Close()
	rapid.Check(t, func(t *rapid.T) {
		s := drawSetting(t)
		names := []string{"a", "b", "c"}
		var ops [][]fileOp
		for _, name := range names {
			ops = append(ops, drawOps(t, name, 4, "write", "read", "fsync", "reclaim"))
		}
		o := m.Run(func(m *sim.Machine) {
			inode, _ := s.make(m)
			b := bytes.Clone(testContent)
			for i, name := range names {
				m.Go(name, func(k *sim.K) {
					f := pagecache.OpenFile(k, inode)
					for _, o := range ops[i] {
						// The stripes of one task are every third one.
						o.pos = (o.pos/stripe/len(names)*len(names) + i) * stripe % (len(testContent) / (3 * stripe) * (3 * stripe))
						o.n = min(o.n, stripe)
						mine := model(b)[o.pos : o.pos+stripe]
						switch o.name {
						case "read":
							got, err := pagecache.GenericFileRead(k, f, int64(o.pos), o.n)
							if err != nil || !bytes.Equal(got, mine[:o.n]) {
								t.Errorf("%s: %v: %v, and not what it wrote", name, o, err)
							}
						case "write":
							buf := bytes.Repeat([]byte{o.fill}, o.n)
							if _, err := pagecache.GenericFileWrite(k, f, int64(o.pos), buf); err != nil {
								t.Errorf("%s: %v: %v", name, o, err)
							}
							copy(mine, buf)
						default:
							o.run(k, t, f, nil)
						}
					}
				})
			}
			m.After(func(k *sim.K) {
				for i, want := range b {
					if got, ok := pagecache.Peek(inode, int64(i)); ok && got != want {
						t.Fatalf("byte %d is %#x at last, want %#x", i, got, want)
					}
				}
			})
		}, drawn(t))
		if o.Violation != nil || o.Cut {
			t.Fatalf("%v after %d steps (%+v)", o.Violation, o.Steps, o)
		}
	})
}

// TestWriteErrors checks what is left of pages that could not be written: each is as
// it was at one time since it was last brought to the device, fsync() says so once,
// and says nothing when all went well.
func TestWriteErrors(t *testing.T) {
	m := sim.NewMachine()
	defer m.Close()
	reported := 0
	rapid.Check(t, func(t *rapid.T) {
		s := drawSetting(t)
		s.disk = true
		ops := drawOps(t, "ops", 8, "write", "write", "read", "fsync", "reclaim")
		o := m.Run(func(m *sim.Machine) {
			inode, d := s.make(m)
			d.MayFail = true
			m.Go("program", func(k *sim.K) {
				f := pagecache.OpenFile(k, inode)
				b := newVersions()
				for _, o := range ops {
					index := o.pos / pageSize % 2
					switch o.name {
					case "write":
						if _, err := pagecache.GenericFileWrite(k, f, int64(index)*pageSize, bytes.Repeat([]byte{o.fill}, pageSize)); err != nil {
							t.Errorf("a write of a whole page: %v", err)
						}
						b.write(index, o.fill)
					case "read":
						b.check(k, t, f, index)
					case "reclaim":
						pagecache.Reclaim(k, inode, uint64(index))
					case "fsync":
						err := pagecache.Fsync(k, f)
						if err != nil {
							reported++
						}
						b.synced(err)
						if err != nil && pagecache.Fsync(k, f) != nil {
							t.Error("an error is reported twice")
						}
					}
				}
				d.MayFail = false
				_ = pagecache.InvalidateInodePages2(k, inode)
				for index := range 2 {
					b.check(k, t, f, index)
				}
			})
		}, drawn(t))
		if o.Violation != nil || o.Cut {
			t.Fatalf("%v after %d steps (%+v)", o.Violation, o.Steps, o)
		}
	})
	if reported == 0 {
		t.Error("no fsync ever failed")
	}
}

// versions are what each of two pages may hold, by the byte it is full of; 0 is what
// was there first.
type versions struct {
	may     [2][]byte
	written [2]bool // since the last fsync
}

func newVersions() *versions { return &versions{may: [2][]byte{{0}, {0}}} }

func (v *versions) write(index int, fill byte) {
	v.may[index] = append(v.may[index], fill)
	v.written[index] = true
}

func (v *versions) synced(err error) {
	for i := range v.may {
		if err == nil && v.written[i] {
			v.may[i] = v.may[i][len(v.may[i])-1:]
		}
		v.written[i] = false
	}
}

func (v *versions) check(k *sim.K, t *rapid.T, f *pagecache.File, index int) {
	got, err := pagecache.GenericFileRead(k, f, int64(index)*pageSize, pageSize)
	if err != nil {
		if !errors.Is(err, sim.EIO) {
			t.Errorf("read: %v", err)
		}
		return
	}
	for _, fill := range v.may[index] {
		want := bytes.Repeat([]byte{fill}, pageSize)
		if fill == 0 {
			want = testContent[index*pageSize:][:pageSize]
		}
		if bytes.Equal(got, want) {
			return
		}
	}
	t.Errorf("page %d is full of %#x, and may only be of % x", index, got[0], v.may[index])
}

func TestWriteCannot(t *testing.T) {
	for _, fs := range fileSystems {
		o, _ := run(t, last, fs.make, func(k *sim.K, inode *pagecache.Inode) {
			f := pagecache.OpenFile(k, inode)
			if n, err := pagecache.GenericFileWrite(k, f, 0, []byte{1}); n != 0 || !errors.Is(err, sim.EINVAL) {
				t.Errorf("%s: a write to a file that cannot be written: %d, %v", fs.name, n, err)
			}
			if err := pagecache.Fsync(k, f); err != nil {
				t.Errorf("%s: fsync: %v", fs.name, err)
			}
		})
		if o.Violation != nil {
			t.Fatal(o.Violation.Report)
		}
	}
}

// onDisk makes a file with testContent that can be written.
func onDisk(change func(d *pagecache.BlockDevice)) func(m *sim.Machine) *pagecache.Inode {
	return func(m *sim.Machine) *pagecache.Inode {
		d := pagecache.NewBlockDevice(m.Setup(), "sda")
		if change != nil {
			change(d)
		}
		return pagecache.NewInode(m.Setup(), "file", testContent, pagecache.NewBlockFS(d))
	}
}

// TestEachFileReportsAnError checks who is told of an error of writing back.
func TestEachFileReportsAnError(t *testing.T) {
	disk := onDisk(func(d *pagecache.BlockDevice) { d.MayFail = true })
	o, _ := run(t, fails(1), disk, func(k *sim.K, inode *pagecache.Inode) {
		before, also := pagecache.OpenFile(k, inode), pagecache.OpenFile(k, inode)
		if _, err := pagecache.GenericFileWrite(k, before, 0, make([]byte, pageSize)); err != nil {
			t.Error(err)
		}
		pagecache.WriteCachePages(k, inode, true)
		pagecache.FilemapFdatawait(k, inode)
		untold := pagecache.OpenFile(k, inode)
		var got []string
		for _, f := range []*pagecache.File{before, before, also, untold, untold} {
			got = append(got, fmt.Sprint(pagecache.Fsync(k, f)))
		}
		got = append(got, fmt.Sprint(pagecache.Fsync(k, pagecache.OpenFile(k, inode))))
		if want := "[-EIO <nil> -EIO -EIO <nil> <nil>]"; fmt.Sprint(got) != want {
			t.Errorf("fsync: %v, want %v", got, want)
		}
	})
	if o.Violation != nil {
		t.Fatal(o.Violation.Report)
	}
}
