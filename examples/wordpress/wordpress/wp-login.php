<?php
// Stands in for WordPress until its files are here.
echo 'log in', "\n";
