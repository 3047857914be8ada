// SPDX-License-Identifier: GPL-2.0
/*
 * An I2C adapter without wires, for tests: a memory of 256 bytes answers at 0x57, nothing else does. The first byte
 * of a write sets where the memory goes on, as with the 24C02 and its like.
 */
#include <linux/i2c.h>
#include <linux/module.h>

#define MEMORY_ADDRESS 0x57

static u8 memory[256];
static u8 position;

static void memory_write(const struct i2c_msg *msg)
{
	int i;

	for (i = 0; i < msg->len; i++) {
		if (i == 0)
			position = msg->buf[0];
		else
			memory[position++] = msg->buf[i];
	}
}

static void memory_read(struct i2c_msg *msg)
{
	int i;

	for (i = 0; i < msg->len; i++)
		msg->buf[i] = memory[position++];
}

/* The core holds the bus lock, so one transfer at a time comes here. */
static int loop_xfer(struct i2c_adapter *adapter, struct i2c_msg *msgs, int count)
{
	int i;

	for (i = 0; i < count; i++) {
		if (msgs[i].addr != MEMORY_ADDRESS || msgs[i].flags & I2C_M_TEN)
			return -ENXIO;
		if (msgs[i].flags & I2C_M_RD)
			memory_read(&msgs[i]);
		else
			memory_write(&msgs[i]);
	}
	return count;
}

static u32 loop_functionality(struct i2c_adapter *adapter)
{
	return I2C_FUNC_I2C | I2C_FUNC_SMBUS_EMUL;
}

static const struct i2c_algorithm loop_algorithm = {
	.master_xfer = loop_xfer,
	.functionality = loop_functionality,
};

static struct i2c_adapter loop_adapter = {
	.owner = THIS_MODULE,
	.name = "loop-i2c",
	.algo = &loop_algorithm,
};

static int __init loop_init(void)
{
	return i2c_add_adapter(&loop_adapter);
}

static void __exit loop_exit(void)
{
	i2c_del_adapter(&loop_adapter);
}

module_init(loop_init);
module_exit(loop_exit);
MODULE_DESCRIPTION("I2C adapter with a memory on it, for tests");
MODULE_LICENSE("GPL");
