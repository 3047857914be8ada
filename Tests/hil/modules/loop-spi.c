// SPDX-License-Identifier: GPL-2.0
/*
 * An SPI controller whose output is wired to its input, for tests, with one device on it that spidev drives.
 */
#include <linux/module.h>
#include <linux/platform_device.h>
#include <linux/spi/spi.h>

static struct platform_device *loop_device;

static int loop_transfer(struct spi_controller *controller, struct spi_device *device, struct spi_transfer *transfer)
{
	if (transfer->rx_buf && transfer->tx_buf)
		memmove(transfer->rx_buf, transfer->tx_buf, transfer->len);
	else if (transfer->rx_buf)
		memset(transfer->rx_buf, 0xff, transfer->len);	/* the line idles high */
	return 0;						/* already done */
}

static int loop_probe(struct platform_device *platform)
{
	/* spidev takes no name of its own, only those of devices it knows. */
	struct spi_board_info board = { .modalias = "dh2228fv", .max_speed_hz = 10000000 };
	struct spi_controller *controller = devm_spi_alloc_host(&platform->dev, 0);
	int error;

	if (!controller)
		return -ENOMEM;
	controller->bus_num = 0;
	controller->num_chipselect = 1;
	controller->mode_bits = SPI_CPOL | SPI_CPHA | SPI_CS_HIGH | SPI_LSB_FIRST | SPI_LOOP | SPI_NO_CS;
	controller->bits_per_word_mask = SPI_BPW_RANGE_MASK(4, 32);
	controller->transfer_one = loop_transfer;
	error = devm_spi_register_controller(&platform->dev, controller);
	if (error)
		return error;
	return spi_new_device(controller, &board) ? 0 : -ENODEV;
}

static struct platform_driver loop_driver = {
	.probe = loop_probe,
	.driver = { .name = "loop-spi" },
};

static int __init loop_init(void)
{
	int error = platform_driver_register(&loop_driver);

	if (error)
		return error;
	loop_device = platform_device_register_simple("loop-spi", PLATFORM_DEVID_NONE, NULL, 0);
	if (IS_ERR(loop_device)) {
		platform_driver_unregister(&loop_driver);
		return PTR_ERR(loop_device);
	}
	return 0;
}

static void __exit loop_exit(void)
{
	platform_device_unregister(loop_device);
	platform_driver_unregister(&loop_driver);
}

module_init(loop_init);
module_exit(loop_exit);
MODULE_DESCRIPTION("SPI controller wired to itself, for tests");
MODULE_LICENSE("GPL");
