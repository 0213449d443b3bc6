// Runs inside the box and tries, one after the other, what a recipe may not do. Prints "name: outcome" for each. Linked
// statically: the box of these tests has no C library.
#include <fcntl.h>
#include <linux/vm_sockets.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/personality.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <ctime>

namespace {

void report(const char* name, long result) {
  std::printf("%s: %s\n", name, result >= 0 ? "done" : strerrorname_np(errno));
}

long connect_to(unsigned address, unsigned short port) {
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  if (fd < 0) return -1;
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_addr.s_addr = htonl(address);
  to.sin_port = htons(port);
  return connect(fd, reinterpret_cast<const sockaddr*>(&to), sizeof to);
}

long listen_on_loopback() {
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in at{};
  at.sin_family = AF_INET;
  at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (bind(fd, reinterpret_cast<const sockaddr*>(&at), sizeof at) != 0) return -1;
  return listen(fd, 1);
}

long read_memory_of(int pid) {
  char byte = 0;
  iovec here{&byte, 1}, there{reinterpret_cast<void*>(0x400000), 1};
  return process_vm_readv(pid, &here, 1, &there, 1, 0);
}

// getpid by the 32-bit entry; the filter knows the 64-bit calls only.
const char* call_32_bit() {
  std::fflush(stdout);
  const pid_t child = fork();
  if (child == 0) {
    long number = 20;
    asm volatile("int $0x80" : "+a"(number) : : "memory");
    _exit(0);
  }
  int status = 0;
  waitpid(child, &status, 0);
  return WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS ? "killed" : "survived";
}

}  // namespace

int main() {
  report("connect outside", connect_to(0x01010101, 80));
  report("listen on loopback", listen_on_loopback());
  report("vsock", socket(AF_VSOCK, SOCK_STREAM, 0));
  report("packet socket", socket(AF_PACKET, SOCK_RAW, 0));
  report("kernel crypto socket", socket(38, SOCK_SEQPACKET, 0));
  report("netlink audit", socket(AF_NETLINK, SOCK_RAW, 9));

  report("ptrace", ptrace(PTRACE_ATTACH, 1, nullptr, nullptr));
  report("read another's memory", read_memory_of(1));
  report("open the first process's memory", open("/proc/1/mem", O_RDWR));

  report("mount", mount("none", "/build", "tmpfs", 0, nullptr));
  report("umount", umount2("/build", MNT_DETACH));
  report("new mount API", fsopen("tmpfs", 0));
  report("open_tree", open_tree(AT_FDCWD, "/", OPEN_TREE_CLONE));
  report("chroot", chroot("/build"));
  report("unshare", unshare(CLONE_NEWUSER));
  report("clone", syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, nullptr, nullptr, nullptr, nullptr));
  report("clone3", syscall(SYS_clone3, nullptr, 0));
  report("setns", setns(open("/proc/1/ns/net", O_RDONLY), 0));

  report("keyctl", syscall(SYS_keyctl, 0, -3, 1));
  report("add_key", syscall(SYS_add_key, "user", "x", "y", 1, -3));
  report("bpf", syscall(SYS_bpf, 0, nullptr, 0));
  report("perf_event_open", syscall(SYS_perf_event_open, nullptr, 0, -1, -1, 0));
  report("userfaultfd", syscall(SYS_userfaultfd, 0));
  report("io_uring_setup", syscall(SYS_io_uring_setup, 1, nullptr));
  report("init_module", syscall(SYS_init_module, nullptr, 0, ""));
  report("kexec_load", syscall(SYS_kexec_load, 0, 0, nullptr, 0));

  const int file = open("/build/file", O_WRONLY | O_CREAT, 0644);
  report("make a file", file);
  report("chmod u+s", chmod("/build/file", 04755));
  report("chmod g+s", fchmod(file, 02755));
  report("fchmodat u+s", fchmodat(AT_FDCWD, "/build/file", 04755, 0));
  report("create u+s", open("/build/setuid", O_WRONLY | O_CREAT, 04755));
  report("creat u+s", creat("/build/setuid", 04755));
  report("mknod u+s", mknod("/build/setuid", S_IFREG | 04755, 0));
  report("mknod device", mknod("/build/device", S_IFCHR | 0666, 1 << 8 | 3));
  report("setxattr", setxattr("/build/file", "user.x", "y", 1, 0));
  report("sticky folder", mkdir("/build/sticky", 01777));

  report("setuid", setuid(0));
  report("setgid", setgid(0));
  report("setgroups", static_cast<long>(syscall(SYS_setgroups, 0, nullptr)));
  report("personality", personality(0));
  report("ask for the personality", personality(0xffffffff));
  cpu_set_t all;
  std::memset(&all, 0xff, sizeof all);
  report("sched_setaffinity", sched_setaffinity(0, sizeof all, &all));
  report("sethostname", sethostname("x", 1));
  const timespec epoch{};
  report("clock_settime", clock_settime(CLOCK_REALTIME, &epoch));
  report("TIOCSTI", ioctl(0, TIOCSTI, "x"));
  report("close the first process", kill(1, SIGKILL));
  std::printf("32-bit call: %s\n", call_32_bit());
}
