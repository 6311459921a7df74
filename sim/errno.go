package sim

import "fmt"

// Errno is what a kernel function returns when it fails: the positive number of
// include/uapi/asm-generic/errno-base.h. It is a value of the simulated kernel,
// never the way trapline reports a mistake of its user.
type Errno int

// The error numbers that the simulated code returns.
const (
	EPERM       Errno = 1
	ENOENT      Errno = 2
	ESRCH       Errno = 3
	EINTR       Errno = 4
	EIO         Errno = 5
	E2BIG       Errno = 7
	ENOEXEC     Errno = 8
	EAGAIN      Errno = 11
	ENOMEM      Errno = 12
	EACCES      Errno = 13
	EFAULT      Errno = 14
	EBUSY       Errno = 16
	EEXIST      Errno = 17
	ENOTDIR     Errno = 20
	EINVAL      Errno = 22
	ETXTBSY     Errno = 26
	ERANGE      Errno = 34
	EOVERFLOW   Errno = 75
	ERESTARTSYS Errno = 512
	ENOTSUPP    Errno = 524 // of a refused instruction: programs see the number, which has no text
)

var errnoNames = [...]string{
	EPERM: "EPERM", ENOENT: "ENOENT", ESRCH: "ESRCH", EINTR: "EINTR", EIO: "EIO", E2BIG: "E2BIG", ENOEXEC: "ENOEXEC",
	EAGAIN: "EAGAIN", ENOMEM: "ENOMEM", EACCES: "EACCES", EFAULT: "EFAULT", EBUSY: "EBUSY", EEXIST: "EEXIST", ENOTDIR: "ENOTDIR",
	EINVAL: "EINVAL", ETXTBSY: "ETXTBSY", ERANGE: "ERANGE", EOVERFLOW: "EOVERFLOW", ERESTARTSYS: "ERESTARTSYS", ENOTSUPP: "ENOTSUPP",
}

// Error returns the number as the kernel's logs spell it: -EINVAL.
func (e Errno) Error() string {
	if int(e) > 0 && int(e) < len(errnoNames) && errnoNames[e] != "" {
		return "-" + errnoNames[e]
	}
	return fmt.Sprintf("-%d", int(e))
}
