package linux

import (
	"errors"

	"trapline/sim"
)

// The error numbers beside those of package sim.
const (
	ePERM         sim.Errno = 1
	e2BIG         sim.Errno = 7
	eNOEXEC       sim.Errno = 8
	eBADF         sim.Errno = 9
	eCHILD        sim.Errno = 10
	eACCES        sim.Errno = 13
	eFAULT        sim.Errno = 14
	eXDEV         sim.Errno = 18
	eNOTDIR       sim.Errno = 20
	eISDIR        sim.Errno = 21
	eMFILE        sim.Errno = 24
	eNOTTY        sim.Errno = 25
	eFBIG         sim.Errno = 27
	eNOSPC        sim.Errno = 28
	eSPIPE        sim.Errno = 29
	eROFS         sim.Errno = 30
	ePIPE         sim.Errno = 32
	eRANGE        sim.Errno = 34
	eNAMETOOLONG  sim.Errno = 36
	eNOSYS        sim.Errno = 38
	eNOTEMPTY     sim.Errno = 39
	eLOOP         sim.Errno = 40
	eAFNOSUPPORT  sim.Errno = 97
	eTIMEDOUT     sim.Errno = 110
	eNXIO         sim.Errno = 6
	eNODEV        sim.Errno = 19
	eOVERFLOW     sim.Errno = 75
	eOPNOTSUPP    sim.Errno = 95
	eRESTARTNOINT sim.Errno = 513 // the call begins again whatever the handler says
	eRESTARTNOHND sim.Errno = 514 // it begins again unless there is a handler
	eRESTARTBLOCK sim.Errno = 516 // restart_syscall(2) goes on with it
)

// errnoOf is the number that an error stands for; what is none is EIO.
func errnoOf(err error) sim.Errno {
	var e sim.Errno
	if errors.As(err, &e) {
		return e
	}
	return sim.EIO
}
