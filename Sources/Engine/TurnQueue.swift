/// Transfers of one kind on one file: the one that the kernel has, and those behind it. One at a time keeps
/// their order and holds at most one of the kernel's threads, however many a client sends.
struct TurnQueue {
    var isBusy = false
    var waiting = OperationQueue()
}
