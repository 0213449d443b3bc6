#include "lib/build/seccomp.h"

#include <fcntl.h>
#include <sched.h>
#include <seccomp.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <memory>

#include "lib/base/files.h"

namespace hallmark::build {
namespace {

// The kernel takes these arguments as 32-bit: what a caller leaves in the upper half must not matter.
constexpr std::uint64_t kInt = 0xffffffff;

// Numbers of calls younger than the libseccomp we build with; the same on every architecture.
constexpr int kFchmodat2 = 452, kStatmount = 457, kListmount = 458, kSetxattrat = 463, kRemovexattrat = 466,
              kOpenTreeAttr = 467, kFileSetattr = 469;

class Filter {
 public:
  Filter() : context_(seccomp_init(SCMP_ACT_ALLOW)) {
    if (!context_) error_ = ENOMEM;
  }

  void attribute(scmp_filter_attr name, std::uint32_t value) {
    if (error_ == 0) error_ = -seccomp_attr_set(context_.get(), name, value);
  }

  // Makes `call` fail with `error_number` where all of `when` holds.
  void refuse(int call, int error_number, std::initializer_list<scmp_arg_cmp> when = {}) {
    if (error_ != 0 || call == __NR_SCMP_ERROR) return;
    error_ = -seccomp_rule_add_array(context_.get(), SCMP_ACT_ERRNO(static_cast<std::uint16_t>(error_number)), call,
                                     static_cast<unsigned>(when.size()), when.begin());
  }
  void refuse(std::initializer_list<int> calls, int error_number) {
    for (int call : calls) refuse(call, error_number);
  }

  Result<std::vector<sock_filter>> program() {
    Fd file(memfd_create("seccomp", MFD_CLOEXEC));
    if (!file) return fail_errno("memfd_create", errno);
    if (error_ == 0) error_ = -seccomp_export_bpf(context_.get(), file.get());
    if (error_ != 0) return fail_errno("the system call filter cannot be made", error_);
    struct stat st {};
    if (fstat(file.get(), &st) != 0) return fail_errno("fstat", errno);
    std::vector<sock_filter> out(static_cast<std::size_t>(st.st_size) / sizeof(sock_filter));
    if (pread(file.get(), out.data(), out.size() * sizeof(sock_filter), 0) != st.st_size)
      return fail_errno("pread", errno);
    return out;
  }

 private:
  struct Free {
    void operator()(void* context) const { seccomp_release(context); }
  };
  std::unique_ptr<void, Free> context_;
  int error_ = 0;
};

scmp_arg_cmp equals(unsigned argument, std::uint64_t value) { return {argument, SCMP_CMP_MASKED_EQ, kInt, value}; }
scmp_arg_cmp has_bits(unsigned argument, std::uint64_t bits) { return {argument, SCMP_CMP_MASKED_EQ, bits, bits}; }

// No file may get the set-user-id or set-group-id bit, by whichever call sets or makes it.
void refuse_setid(Filter& f) {
  for (std::uint64_t bit : {S_ISUID, S_ISGID}) {
    f.refuse(SCMP_SYS(chmod), EPERM, {has_bits(1, bit)});
    f.refuse(SCMP_SYS(fchmod), EPERM, {has_bits(1, bit)});
    f.refuse(SCMP_SYS(fchmodat), EPERM, {has_bits(2, bit)});
    f.refuse(SCMP_SYS(creat), EPERM, {has_bits(1, bit)});
    f.refuse(SCMP_SYS(mknod), EPERM, {has_bits(1, bit)});
    f.refuse(SCMP_SYS(mknodat), EPERM, {has_bits(2, bit)});
    // The mode means something only where a file is made; elsewhere the register may hold anything.
    for (std::uint64_t makes : {O_CREAT, O_TMPFILE}) {
      f.refuse(SCMP_SYS(open), EPERM, {has_bits(1, makes), has_bits(2, bit)});
      f.refuse(SCMP_SYS(openat), EPERM, {has_bits(2, makes), has_bits(3, bit)});
    }
  }
  // Their arguments stand in memory, where a filter cannot look. Callers fall back to the ones above.
  f.refuse({SCMP_SYS(openat2), kFchmodat2, kFileSetattr}, ENOSYS);
}

// Access control lists and other attributes are invisible in an archive of the outputs.
void refuse_attributes(Filter& f) {
  f.refuse({SCMP_SYS(setxattr), SCMP_SYS(lsetxattr), SCMP_SYS(fsetxattr), SCMP_SYS(removexattr), SCMP_SYS(lremovexattr),
            SCMP_SYS(fremovexattr)},
           ENOTSUP);
  f.refuse({kSetxattrat, kRemovexattrat}, ENOSYS);
}

void refuse_new_worlds(Filter& f) {
  f.refuse({SCMP_SYS(mount), SCMP_SYS(umount2), SCMP_SYS(pivot_root), SCMP_SYS(chroot), SCMP_SYS(move_mount),
            SCMP_SYS(open_tree), SCMP_SYS(fsopen), SCMP_SYS(fsconfig), SCMP_SYS(fsmount), SCMP_SYS(fspick),
            SCMP_SYS(mount_setattr), SCMP_SYS(setns), SCMP_SYS(unshare), SCMP_SYS(open_by_handle_at)},
           EPERM);
  f.refuse({kStatmount, kListmount, kOpenTreeAttr}, ENOSYS);
  for (std::uint64_t flag :
       {CLONE_NEWNS, CLONE_NEWCGROUP, CLONE_NEWUTS, CLONE_NEWIPC, CLONE_NEWUSER, CLONE_NEWPID, CLONE_NEWNET})
    f.refuse(SCMP_SYS(clone), EPERM, {has_bits(0, flag)});
  f.refuse(SCMP_SYS(clone3), ENOSYS);  // its flags stand in memory; the C library falls back to clone
}

// What changes or watches the machine or another process.
void refuse_the_machine(Filter& f) {
  f.refuse({SCMP_SYS(acct),
            SCMP_SYS(bpf),
            SCMP_SYS(delete_module),
            SCMP_SYS(fanotify_init),
            SCMP_SYS(finit_module),
            SCMP_SYS(init_module),
            SCMP_SYS(ioperm),
            SCMP_SYS(iopl),
            SCMP_SYS(kcmp),
            SCMP_SYS(kexec_file_load),
            SCMP_SYS(kexec_load),
            SCMP_SYS(perf_event_open),
            SCMP_SYS(pidfd_getfd),
            SCMP_SYS(process_vm_readv),
            SCMP_SYS(process_vm_writev),
            SCMP_SYS(ptrace),
            SCMP_SYS(quotactl),
            SCMP_SYS(quotactl_fd),
            SCMP_SYS(reboot),
            SCMP_SYS(swapoff),
            SCMP_SYS(swapon),
            SCMP_SYS(syslog),
            SCMP_SYS(vhangup)},
           EPERM);
  f.refuse({SCMP_SYS(adjtimex), SCMP_SYS(clock_adjtime), SCMP_SYS(clock_settime), SCMP_SYS(settimeofday),
            SCMP_SYS(sethostname), SCMP_SYS(setdomainname)},
           EPERM);
  // As on a kernel built without them; programs know how to do without.
  f.refuse({SCMP_SYS(add_key), SCMP_SYS(keyctl), SCMP_SYS(request_key), SCMP_SYS(io_uring_enter),
            SCMP_SYS(io_uring_register), SCMP_SYS(io_uring_setup), SCMP_SYS(memfd_secret), SCMP_SYS(userfaultfd)},
           ENOSYS);
  f.refuse(SCMP_SYS(ioctl), EPERM, {equals(1, TIOCSTI)});
  f.refuse(SCMP_SYS(ioctl), EPERM, {equals(1, 0x541c)});  // TIOCLINUX
}

// What would undo a condition that the box holds fixed.
void refuse_other_conditions(Filter& f) {
  f.refuse(SCMP_SYS(sched_setaffinity), EPERM);                         // the number of CPUs
  f.refuse(SCMP_SYS(personality), EPERM, {{0, SCMP_CMP_NE, kInt, 0}});  // address randomisation; asking is allowed
}

// The box's own network has a loopback device and nothing else, but not every family of sockets knows of
// network namespaces (AF_VSOCK) or needs a network (AF_ALG).
void refuse_sockets(Filter& f) {
  constexpr std::uint64_t kFamilies = 64;  // more than there are
  for (std::uint64_t family = 0; family < kFamilies; family++)
    if (family != AF_UNIX && family != AF_INET && family != AF_INET6 && family != AF_NETLINK)
      f.refuse(SCMP_SYS(socket), EAFNOSUPPORT, {equals(0, family)});
  f.refuse(SCMP_SYS(socket), EAFNOSUPPORT, {{0, SCMP_CMP_GE, kFamilies, 0}});
  f.refuse(SCMP_SYS(socket), EAFNOSUPPORT, {equals(0, AF_NETLINK), {2, SCMP_CMP_NE, 0, 0}});  // only NETLINK_ROUTE
}

}  // namespace

Result<std::vector<sock_filter>> seccomp_filter() {
  Filter f;
  f.attribute(SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);  // 32-bit and x32 calls
  f.attribute(SCMP_FLTATR_CTL_OPTIMIZE, 2);                     // a binary tree: the filter runs on every call
  refuse_setid(f);
  refuse_attributes(f);
  refuse_new_worlds(f);
  refuse_the_machine(f);
  refuse_other_conditions(f);
  refuse_sockets(f);
  return f.program();
}

}  // namespace hallmark::build
