package quote

import (
	"fmt"
	"os"
	"runtime"
	"unsafe"

	"golang.org/x/sys/unix"
)

// nsmIoctl is _IOWR(0x0A, 0, struct nsm_raw) of uapi/linux/nsm.h.
const nsmIoctl = 0xc0200a00

// nsmRaw is two iovecs: request and answer.
type nsmRaw struct{ request, response unix.Iovec }

// nsmDevice exchanges one request with the kernel's device.
func nsmDevice(request []byte) ([]byte, error) {
	f, err := os.OpenFile(nsmPath, os.O_RDWR, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	answer := make([]byte, maxNSM)
	raw := &nsmRaw{}
	var pin runtime.Pinner
	defer pin.Unpin()
	pin.Pin(&request[0])
	pin.Pin(&answer[0])
	raw.request.Base, raw.response.Base = &request[0], &answer[0]
	raw.request.SetLen(len(request))
	raw.response.SetLen(len(answer))
	if _, _, errno := unix.Syscall(unix.SYS_IOCTL, f.Fd(), nsmIoctl, uintptr(unsafe.Pointer(raw))); errno != 0 {
		return nil, fmt.Errorf("%s: %w", nsmPath, errno)
	}
	n := raw.response.Len
	if n > maxNSM {
		return nil, fmt.Errorf("%s: answer of %d bytes", nsmPath, n)
	}
	return answer[:n], nil
}
