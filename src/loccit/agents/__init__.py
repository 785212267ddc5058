"""What next, and with which tool?"""
