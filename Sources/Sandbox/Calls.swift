import CSandbox
import Glibc

/// System calls that are allowed with any argument.
enum Calls {
    static let plain: [Int32] = files + waiting + memory + threads + time + itself + sockets + rings + older

    /// Landlock decides on their paths.
    private static let files = [
        SYS_read, SYS_write, SYS_readv, SYS_writev, SYS_pread64, SYS_pwrite64, SYS_preadv, SYS_pwritev,
        SYS_close, SYS_close_range, SYS_fstat, SYS_newfstatat, SYS_statx, SYS_statfs, SYS_fstatfs,
        SYS_lseek, SYS_openat, SYS_getdents64, SYS_readlinkat, SYS_faccessat, SYS_faccessat2, SYS_mkdirat,
        SYS_unlinkat, SYS_renameat, SYS_renameat2, SYS_ftruncate, SYS_truncate, SYS_fallocate,
        SYS_fadvise64, SYS_fsync, SYS_fdatasync, SYS_sync_file_range, SYS_flock, SYS_fchmod, SYS_umask,
        SYS_getcwd, SYS_dup, SYS_dup3, SYS_pipe2, SYS_fcntl,
    ]
    private static let waiting = [
        SYS_ppoll, SYS_pselect6, SYS_epoll_create1, SYS_epoll_ctl, SYS_epoll_pwait, SYS_eventfd2,
        SYS_timerfd_create, SYS_timerfd_settime, SYS_timerfd_gettime, SYS_inotify_init1,
        SYS_inotify_add_watch, SYS_inotify_rm_watch,
    ]
    private static let memory = [SYS_munmap, SYS_mremap, SYS_madvise, SYS_brk, SYS_membarrier, SYS_mincore]
    private static let threads = [
        SYS_futex, SYS_set_robust_list, SYS_get_robust_list, SYS_rseq, SYS_set_tid_address, SYS_exit,
        SYS_exit_group, SYS_gettid, SYS_sched_yield, SYS_sched_getaffinity, SYS_sched_setaffinity,
        SYS_sched_getparam, SYS_sched_getscheduler, SYS_getcpu, SYS_rt_sigaction, SYS_rt_sigprocmask,
        SYS_rt_sigreturn, SYS_rt_sigtimedwait, SYS_rt_sigpending, SYS_rt_sigsuspend, SYS_sigaltstack,
        SYS_restart_syscall,
    ]
    private static let time = [
        SYS_clock_gettime, SYS_clock_getres, SYS_clock_nanosleep, SYS_nanosleep, SYS_gettimeofday,
        SYS_times,
    ]
    private static let itself = [
        SYS_getpid, SYS_getppid, SYS_getuid, SYS_geteuid, SYS_getgid, SYS_getegid, SYS_getgroups,
        SYS_uname, SYS_sysinfo, SYS_getrusage, SYS_getrandom, SYS_capget,
    ]
    /// Landlock decides on their ports; a pair of sockets has nobody else at its other end.
    private static let sockets = [
        SYS_socketpair,
        SYS_bind, SYS_listen, SYS_accept, SYS_accept4, SYS_connect, SYS_getsockname, SYS_getpeername,
        SYS_setsockopt, SYS_getsockopt, SYS_shutdown, SYS_sendto, SYS_sendmsg, SYS_recvfrom, SYS_recvmsg,
    ]
    private static let rings = [SYS_io_uring_setup, SYS_io_uring_enter, SYS_io_uring_register]

    /// What newer architectures leave out.
    private static var older: [Int32] {
        #if arch(x86_64)
            [
                SYS_open, SYS_stat, SYS_lstat, SYS_access, SYS_readlink, SYS_mkdir, SYS_unlink, SYS_rmdir,
                SYS_rename, SYS_poll, SYS_select, SYS_epoll_wait, SYS_epoll_create, SYS_pipe, SYS_dup2,
                SYS_time, SYS_getrlimit,
            ]
        #else
            []
        #endif
    }
}
