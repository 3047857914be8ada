/// Terminals, buses and storage; `KernelTablesOthers.swift` has the rest.
extension KernelNames {
    static let terminals: [String: KernelNames] = [
        "tty": KernelNames(
            headers: ["asm/ioctls.h", "asm/termbits.h", "asm/termios.h", "linux/serial.h"],
            types: each("TIOCGWINSZ TIOCSWINSZ", are: "struct winsize")
                + each("TCGETS TCSETS TCSETSW TCSETSF", are: "struct termios")
                + each("TCGETS2 TCSETS2 TCSETSW2 TCSETSF2", are: "struct termios2")
                + each("TIOCMGET TIOCMSET TIOCMBIS TIOCMBIC TIOCINQ TIOCOUTQ", are: "int")
                + ["TIOCGICOUNT": "struct serial_icounter_struct"]),
        "random": KernelNames(headers: ["linux/random.h"], types: ["RNDGETENTCNT": "int"]),
    ]

    static let buses: [String: KernelNames] = [
        "gpio": KernelNames(
            headers: ["linux/gpio.h"],
            types: [
                "GPIO_GET_CHIPINFO_IOCTL": "struct gpiochip_info",
                "GPIO_V2_GET_LINEINFO_IOCTL": "struct gpio_v2_line_info",
                "GPIO_V2_GET_LINEINFO_WATCH_IOCTL": "struct gpio_v2_line_info",
                "GPIO_GET_LINEINFO_UNWATCH_IOCTL": "__u32",
                "GPIO_V2_GET_LINE_IOCTL": "struct gpio_v2_line_request",
            ], enumerators: ["GPIO_V2_LINE_FLAG_", "GPIO_V2_LINE_ATTR_ID_"]),
        "gpio-line": KernelNames(
            headers: ["linux/gpio.h"],
            types: [
                "GPIO_V2_LINE_GET_VALUES_IOCTL": "struct gpio_v2_line_values",
                "GPIO_V2_LINE_SET_VALUES_IOCTL": "struct gpio_v2_line_values",
                "GPIO_V2_LINE_SET_CONFIG_IOCTL": "struct gpio_v2_line_config",
            ], enumerators: ["GPIO_V2_LINE_FLAG_", "GPIO_V2_LINE_ATTR_ID_"]),
        "i2c": KernelNames(
            headers: ["linux/i2c-dev.h", "linux/i2c.h"],
            types: [
                "I2C_FUNCS": "unsigned long", "I2C_RDWR": "struct i2c_rdwr_ioctl_data",
                "I2C_SMBUS": "struct i2c_smbus_ioctl_data",
            ],
            blocks: ["msgs": "struct i2c_msg", "data": "union i2c_smbus_data"]),
        "spi": KernelNames(
            headers: ["linux/spi/spidev.h"],
            types: ["SPI_IOC_MESSAGE": "-"]
                + each(
                    "SPI_IOC_RD_MODE SPI_IOC_WR_MODE SPI_IOC_RD_LSB_FIRST SPI_IOC_WR_LSB_FIRST", are: "__u8")
                + each("SPI_IOC_RD_BITS_PER_WORD SPI_IOC_WR_BITS_PER_WORD", are: "__u8")
                + each("SPI_IOC_RD_MODE32 SPI_IOC_WR_MODE32", are: "__u32")
                + each("SPI_IOC_RD_MAX_SPEED_HZ SPI_IOC_WR_MAX_SPEED_HZ", are: "__u32"),
            blocks: ["transfers": "struct spi_ioc_transfer"],
            families: ["SPI_IOC_MESSAGE": "SPI_IOC_MESSAGE(SIZE / 32)"]),
    ]

    static let storage: [String: KernelNames] = [
        "block": KernelNames(
            headers: ["linux/fs.h"], newHeaders: ["linux/blkdev.h"],
            types: each("BLKGETSIZE64 BLKGETDISKSEQ", are: "__u64")
                + each("BLKSSZGET BLKBSZGET BLKALIGNOFF BLKROGET BLKROSET", are: "int")
                + each("BLKPBSZGET BLKIOMIN BLKIOOPT", are: "unsigned int")
                + each("BLKSECTGET BLKROTATIONAL", are: "unsigned short")
                + ["BLKFLSBUF": "-"]
                + each("BLKDISCARD BLKZEROOUT BLKSECDISCARD BLOCK_URING_CMD_DISCARD", are: "__u64[2]"),
            members: ["__u64[2]": ["start": "[0]", "length": "[1]"]],
            substitutes: ["BLOCK_URING_CMD_DISCARD": "_IO(0x12, 0)"]),
        "loop": KernelNames(
            headers: ["linux/loop.h"], types: ["LOOP_GET_STATUS64": "struct loop_info64"],
            enumerators: ["LO_FLAGS_"]),
        "nvme": nvme, "nvme-4k": nvme,
        "scsi-generic": KernelNames(
            headers: ["scsi/sg.h"],
            types: [
                "SG_IO": "struct sg_io_hdr", "SG_GET_SCSI_ID": "struct sg_scsi_id",
                "SG_GET_VERSION_NUM": "int", "SG_SET_TIMEOUT": "int", "SG_EMULATED_HOST": "int",
            ],
            blocks: ["cmdp": "-"], symbols: ["SG_IO"],
            specified: [
                "SG_INTERFACE_ID_ORIG", "BLOCK_ERASE", "CRYPTOGRAPHIC_ERASE", "EXIT_FAILURE_MODE",
            ]),
    ]

    private static let nvme = KernelNames(
        headers: ["linux/nvme_ioctl.h"],
        types: each("NVME_URING_CMD_ADMIN NVME_URING_CMD_IO", are: "struct nvme_uring_cmd")
            + each("NVME_IOCTL_ADMIN_CMD NVME_IOCTL_IO_CMD", are: "struct nvme_passthru_cmd"),
        blocks: ["addr": "-"],
        members: ["struct nvme_uring_cmd": dwords, "struct nvme_passthru_cmd": dwords],
        symbols: ["NVME_URING_CMD_ADMIN", "NVME_URING_CMD_IO", "NVME_IOCTL_ADMIN_CMD", "NVME_IOCTL_IO_CMD"],
        isSpecified: true)

    /// The specifications' names for parts of the command's dwords.
    private static let dwords =
        each("cns cntid lid lsp rae numdl fid sel sv stc nssf spsp secp numd fs ca nr", are: "cdw10")
        + each("lbafl mset pi pil ses lbafu sanact ause owpass oipbp ndas", are: "cdw10")
        + each("cnssid csi numdu lsi al tl ofst ovrpat idr idw ad", are: "cdw11")
        + each("nlb fua lr deac", are: "cdw12")
        + ["uuid_index": "cdw14", "ot": "cdw14", "slba": "cdw10 + cdw11", "lpo": "cdw12 + cdw13"]
        + each("NVME_URING_CMD_ADMIN_GET_LOG_PAGE.csi NVME_IOCTL_ADMIN_CMD_GET_LOG_PAGE.csi", are: "cdw14")
}
