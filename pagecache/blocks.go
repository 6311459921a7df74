package pagecache

import (
	"cmp"
	"slices"

	"trapline/sim"
)

// block is what was written to the device for one page of a file. Its bytes are
// never changed.
type block struct {
	index uint64
	data  []byte
}

func byIndex(b block, index uint64) int { return cmp.Compare(b.index, index) }

var (
	opTruncateBlocks = sim.NewOp("truncate(%s)")
	opWriteBlock     = sim.NewOp("write_block(%s)")
)

// onDevice is what the device holds of the page at index: what was written last,
// or the first content of the file up to where it was cut; the rest is zeroes. The
// caller is in a step that uses inode.blocks.
func (inode *Inode) onDevice(index uint64) []byte {
	if i, ok := slices.BinarySearchFunc(inode.written, index, byIndex); ok {
		return inode.written[i].data
	}
	first := min(index<<PageShift, uint64(len(inode.content)))
	last := min(first+PageSize, uint64(len(inode.content)))
	return inode.cut(index, inode.content[first:last])
}

// cut is what belongs to the file of src, the first content of the page at index.
func (inode *Inode) cut(index uint64, src []byte) []byte {
	return src[:min(max(inode.allocated-int64(index)<<PageShift, 0), int64(len(src)))]
}

// within is what do_mpage_readpage() makes of what the device has for the page at index:
// nothing, if the page lies behind i_size, as it can while a file is being cut off. The
// rest of a page that i_size cuts in two is for truncate to clear.
func (inode *Inode) within(index uint64, src []byte) []byte {
	if index >= pages(inode.size) {
		return nil
	}
	return src
}

// writeBlock is the device taking the content of a page. Two writes of one page
// are never under way at once, so those of different pages commute.
func (inode *Inode) writeBlock(k *sim.K, p *Page) {
	k.Step(opWriteBlock, &p.content, sim.Read)
	k.Touch(&inode.blocks, sim.Add)
	i, ok := slices.BinarySearchFunc(inode.written, p.Index, byIndex)
	if !ok {
		inode.written = slices.Insert(inode.written, i, block{index: p.Index})
	}
	inode.written[i].data = p.snapshot()
}

// truncateBlocks takes what lies behind size from the file on the device: what the
// file grows by later reads as zeroes.
func (inode *Inode) truncateBlocks(k *sim.K, size int64) {
	k.Step(opTruncateBlocks, &inode.blocks, sim.Write)
	inode.allocated = min(inode.allocated, size)
	i, _ := slices.BinarySearchFunc(inode.written, pages(size), byIndex)
	inode.written = inode.written[:i]
	partial := int(size & (PageSize - 1))
	if partial > 0 && i > 0 && inode.written[i-1].index == uint64(size)>>PageShift {
		last := &inode.written[i-1]
		last.data = append(append(make([]byte, 0, PageSize), last.data[:partial]...), zeroes[partial:]...)
	}
}
