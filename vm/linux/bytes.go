package linux

import "encoding/binary"

// How numbers lie in the memory of a program.

func put16(p []byte, v uint16) { binary.LittleEndian.PutUint16(p, v) }
func put32(p []byte, v uint32) { binary.LittleEndian.PutUint32(p, v) }
func put64(p []byte, v uint64) { binary.LittleEndian.PutUint64(p, v) }
func get32(p []byte) uint32    { return binary.LittleEndian.Uint32(p) }
func get64(p []byte) uint64    { return binary.LittleEndian.Uint64(p) }

func le32(v uint32) []byte { return binary.LittleEndian.AppendUint32(nil, v) }
func le64(v uint64) []byte { return binary.LittleEndian.AppendUint64(nil, v) }
