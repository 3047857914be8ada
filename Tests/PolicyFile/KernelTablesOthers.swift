/// Timers, input, media, USB, graphics, sockets and processes.
extension KernelNames {
    static let others = timers.merging(media) { first, _ in first }
        .merging(shared) { first, _ in first }

    private static let timers: [String: KernelNames] = [
        "watchdog": KernelNames(
            headers: ["linux/watchdog.h"],
            types: ["WDIOC_GETSUPPORT": "struct watchdog_info"]
                + each("WDIOC_GETSTATUS WDIOC_GETBOOTSTATUS WDIOC_GETTEMP WDIOC_SETTIMEOUT", are: "int")
                + each("WDIOC_GETTIMEOUT WDIOC_SETPRETIMEOUT WDIOC_GETPRETIMEOUT", are: "int")
                + each("WDIOC_GETTIMELEFT WDIOC_SETOPTIONS", are: "int")),
        "rtc": KernelNames(
            headers: ["linux/rtc.h"],
            types: each("RTC_RD_TIME RTC_SET_TIME RTC_ALM_READ RTC_ALM_SET", are: "struct rtc_time")
                + each("RTC_WKALM_RD RTC_WKALM_SET", are: "struct rtc_wkalrm")
                + [
                    "RTC_IRQP_READ": "unsigned long", "RTC_VL_READ": "unsigned int",
                    "RTC_PARAM_GET": "struct rtc_param",
                ],
            members: [
                "struct rtc_wkalrm": each(
                    "tm_sec tm_min tm_hour tm_mday tm_mon tm_year tm_wday tm_yday tm_isdst", "time.")
            ]),
        "evdev": KernelNames(
            headers: ["linux/input.h", "time.h"],
            types: ["EVIOCGVERSION": "int", "EVIOCGID": "struct input_id", "EVIOCSCLOCKID": "int"]
                + each("EVIOCGNAME EVIOCGPHYS EVIOCGUNIQ EVIOCGPROP EVIOCGBIT EVIOCGKEY EVIOCGLED", are: "-")
                + each("EVIOCGSND EVIOCGSW", are: "-")
                + each("EVIOCGABS EVIOCSABS", are: "struct input_absinfo")
                + each("EVIOCGREP EVIOCSREP", are: "unsigned int[2]")
                + each("EVIOCGKEYCODE_V2 EVIOCSKEYCODE_V2", are: "struct input_keymap_entry"),
            members: ["unsigned int[2]": ["delay": "[0]", "period": "[1]"]],
            families: [
                "EVIOCGBIT": "EVIOCGBIT(NUMBER - 0x20, SIZE)", "EVIOCGABS": "EVIOCGABS(NUMBER - 0x40)",
                "EVIOCSABS": "EVIOCSABS(NUMBER - 0xc0)",
            ]),
        "hidraw": KernelNames(
            headers: ["linux/hidraw.h", "linux/input.h"],
            types: [
                "HIDIOCGRDESCSIZE": "int", "HIDIOCGRDESC": "struct hidraw_report_descriptor",
                "HIDIOCGRAWINFO": "struct hidraw_devinfo",
            ]
                + each("HIDIOCGRAWNAME HIDIOCGRAWPHYS HIDIOCGRAWUNIQ HIDIOCGFEATURE HIDIOCSFEATURE", are: "-")
                + each("HIDIOCGINPUT HIDIOCSINPUT HIDIOCGOUTPUT HIDIOCSOUTPUT", are: "-")),
    ]

    private static let media: [String: KernelNames] = [
        "v4l2": KernelNames(
            headers: ["linux/videodev2.h"],
            types: [
                "VIDIOC_QUERYCAP": "struct v4l2_capability", "VIDIOC_ENUM_FMT": "struct v4l2_fmtdesc",
                "VIDIOC_ENUM_FRAMESIZES": "struct v4l2_frmsizeenum",
                "VIDIOC_ENUM_FRAMEINTERVALS": "struct v4l2_frmivalenum",
                "VIDIOC_QUERYCTRL": "struct v4l2_queryctrl", "VIDIOC_QUERYMENU": "struct v4l2_querymenu",
                "VIDIOC_ENUMINPUT": "struct v4l2_input", "VIDIOC_G_INPUT": "int", "VIDIOC_S_INPUT": "int",
            ]
                + each("VIDIOC_G_FMT VIDIOC_S_FMT VIDIOC_TRY_FMT", are: "struct v4l2_format")
                + each("VIDIOC_G_PARM VIDIOC_S_PARM", are: "struct v4l2_streamparm")
                + each("VIDIOC_G_CTRL VIDIOC_S_CTRL", are: "struct v4l2_control")
                + each(
                    "VIDIOC_G_EXT_CTRLS VIDIOC_S_EXT_CTRLS VIDIOC_TRY_EXT_CTRLS",
                    are: "struct v4l2_ext_controls")
                + each("VIDIOC_G_STD VIDIOC_S_STD VIDIOC_QUERYSTD", are: "v4l2_std_id"),
            blocks: ["controls": "struct v4l2_ext_control"],
            members: [
                "struct v4l2_format": each(
                    "width height pixelformat field bytesperline sizeimage colorspace priv flags ycbcr_enc "
                        + "quantization xfer_func", "fmt.pix."),
                "struct v4l2_streamparm": each(
                    "capability capturemode extendedmode readbuffers", "parm.capture.")
                    + each("numerator denominator", "parm.capture.timeperframe."),
                "struct v4l2_frmsizeenum": each(
                    "min_width max_width step_width min_height max_height step_height", "stepwise."),
                "struct v4l2_frmivalenum": [
                    "min_numerator": "stepwise.min.numerator", "min_denominator": "stepwise.min.denominator",
                    "max_numerator": "stepwise.max.numerator", "max_denominator": "stepwise.max.denominator",
                    "step_numerator": "stepwise.step.numerator",
                    "step_denominator": "stepwise.step.denominator",
                ],
            ],
            enumerators: [
                "V4L2_BUF_TYPE_", "V4L2_FIELD_", "V4L2_CTRL_TYPE_", "V4L2_FRMSIZE_TYPE_",
                "V4L2_FRMIVAL_TYPE_",
            ]),
        "usbfs": KernelNames(
            headers: ["linux/usbdevice_fs.h", "linux/usb/ch9.h"],
            types: [
                "USBDEVFS_CONTROL": "struct usbdevfs_ctrltransfer",
                "USBDEVFS_BULK": "struct usbdevfs_bulktransfer",
                "USBDEVFS_SETINTERFACE": "struct usbdevfs_setinterface",
                "USBDEVFS_GETDRIVER": "struct usbdevfs_getdriver",
                "USBDEVFS_CONNECTINFO": "struct usbdevfs_connectinfo", "USBDEVFS_GET_CAPABILITIES": "__u32",
            ]
                + each("USBDEVFS_CLAIMINTERFACE USBDEVFS_RELEASEINTERFACE", are: "unsigned int")
                + each("USBDEVFS_RESETEP USBDEVFS_CLEAR_HALT", are: "unsigned int")),
        "drm": KernelNames(
            headers: ["fcntl.h", "libdrm/drm.h"],
            types: [
                "DRM_IOCTL_VERSION": "struct drm_version", "DRM_IOCTL_GET_CAP": "struct drm_get_cap",
                "DRM_IOCTL_SET_CLIENT_CAP": "struct drm_set_client_cap",
                "DRM_IOCTL_MODE_GETRESOURCES": "struct drm_mode_card_res",
                "DRM_IOCTL_MODE_CREATE_DUMB": "struct drm_mode_create_dumb",
                "DRM_IOCTL_MODE_DESTROY_DUMB": "struct drm_mode_destroy_dumb",
                "DRM_IOCTL_GEM_CLOSE": "struct drm_gem_close",
            ]
                + each(
                    "DRM_IOCTL_PRIME_HANDLE_TO_FD DRM_IOCTL_PRIME_FD_TO_HANDLE",
                    are: "struct drm_prime_handle"),
            blocks: each("fb_id_ptr crtc_id_ptr connector_id_ptr encoder_id_ptr", are: "__u32")),
    ]

    private static let shared: [String: KernelNames] = [
        "dma-heap": KernelNames(
            headers: ["fcntl.h", "linux/dma-heap.h"],
            types: ["DMA_HEAP_IOCTL_ALLOC": "struct dma_heap_allocation_data"]),
        "dma-buf": KernelNames(
            headers: ["linux/dma-buf.h"],
            types: [
                "DMA_BUF_IOCTL_SYNC": "struct dma_buf_sync", "DMA_BUF_SET_NAME": "char[DMA_BUF_NAME_LEN]",
            ]),
        "socket": KernelNames(
            headers: ["asm/socket.h", "linux/io_uring.h"],
            types: each("SOCKET_URING_OP_GETSOCKOPT SOCKET_URING_OP_SETSOCKOPT", are: "-"),
            substitutes: [
                "SOCKET_URING_OP_SIOCINQ": "0", "SOCKET_URING_OP_SIOCOUTQ": "1",
                "SOCKET_URING_OP_GETSOCKOPT": "2", "SOCKET_URING_OP_SETSOCKOPT": "3",
            ], newer: ["SOCKET_URING_OP_": "LINUX_VERSION_CODE >= KERNEL_VERSION(6, 7, 0)"]),
        "procmap": KernelNames(
            headers: ["linux/fs.h"], types: ["PROCMAP_QUERY": "struct procmap_query"],
            substitutes: ["PROCMAP_QUERY": "_IOC(_IOC_READ | _IOC_WRITE, 0x66, 17, 104)"],
            newer: ["PROCMAP_QUERY_": "defined(PROCMAP_QUERY)"]),
        "pagemap": KernelNames(
            headers: ["linux/fs.h"], types: ["PAGEMAP_SCAN": "struct pm_scan_arg"],
            blocks: ["vec": "struct page_region"],
            substitutes: ["PAGEMAP_SCAN": "_IOC(_IOC_READ | _IOC_WRITE, 0x66, 16, 96)"],
            newer: ["PAGE_IS_": "defined(PAGEMAP_SCAN)"]),
    ]
}
